@echo off
rem Runs run_batch.py with the Python of .venv, of a ComfyUI around it, or of the system. Arguments are passed on.
setlocal
chcp 65001 >nul
rem Not cd: a folder on the network gets a letter.
pushd "%~dp0"

set "PYTHON="
for %%P in (
    "%~dp0.venv\Scripts\python.exe"
    "%~dp0..\..\..\python_embeded\python.exe"
    "%~dp0..\..\.venv\Scripts\python.exe"
    "%~dp0..\..\venv\Scripts\python.exe"
) do if not defined PYTHON if exist "%%~fP" set "PYTHON=%%~fP"
if defined PYTHON goto found

where py >nul 2>nul
if not errorlevel 1 goto launcher
where python >nul 2>nul
if errorlevel 1 goto missing
set "PYTHON=python"

:found
rem An option, as the Python of a portable ComfyUI reads no PYTHONUTF8.
"%PYTHON%" -X utf8 run_batch.py %*
set "STATUS=%ERRORLEVEL%"
goto end

:launcher
py -3 -X utf8 run_batch.py %*
set "STATUS=%ERRORLEVEL%"
goto end

:missing
echo No Python was found. Install Python 3.10 or newer from https://www.python.org/downloads/ and start this again. 1>&2
set "STATUS=2"

:end
popd
rem After a double click the window stays open. Scripts set GRSAI_NO_PAUSE=1.
if not defined GRSAI_NO_PAUSE pause
exit /b %STATUS%
