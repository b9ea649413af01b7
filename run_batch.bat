@echo off
rem Runs run_batch.py with the Python of .venv, of a ComfyUI around it, or of the system. Arguments are passed on.
setlocal
rem The language of Windows, by which the few words below are chosen, and the code page, which the caller gets back.
set PAGE=
set CHINESE=
for /f "tokens=2 delims=:" %%C in ('chcp') do set "PAGE=%%C"
if defined PAGE set "PAGE=%PAGE: =%"
if defined PAGE set "PAGE=%PAGE:.=%"
if "%PAGE%"=="936" set CHINESE=1
reg query "HKCU\Control Panel\International" /v LocaleName 2>nul | findstr /i "zh-" >nul 2>nul && set CHINESE=1
chcp 65001 >nul
rem Not cd: a folder on the network gets a letter.
pushd "%~dp0"

set PYTHON=
for %%P in (
    "%~dp0.venv\Scripts\python.exe"
    "%~dp0..\..\..\python_embeded\python.exe"
    "%~dp0..\..\.venv\Scripts\python.exe"
    "%~dp0..\..\venv\Scripts\python.exe"
) do if not defined PYTHON if exist "%%~fP" set PYTHON="%%~fP"
if defined PYTHON goto found

rem Each must answer: a launcher may have no Python, and python.exe may be no more than a link to a shop.
py -3 -c "" >nul 2>nul
if not errorlevel 1 set PYTHON=py -3
if defined PYTHON goto found
python.exe -c "" >nul 2>nul
if not errorlevel 1 set PYTHON=python.exe
if defined PYTHON goto found
rem A batch file of that name, as version managers have it, comes back only when it is called.
call python -c "" >nul 2>nul
if not errorlevel 1 set PYTHON=call python
if defined PYTHON goto found
set "STATUS=2"
goto missing

:found
rem So that what is said names this file. -X is an option, as the Python of a portable ComfyUI reads no PYTHONUTF8.
set GRSAI_BATCH_FILE=1
%PYTHON% -X utf8 run_batch.py %*
set "STATUS=%ERRORLEVEL%"
goto end

:missing
rem These words in Chinese are a file of their own: cmd reads a batch file with other letters than ASCII wrongly here and there.
if defined CHINESE if exist grsai\no_python.zh.txt (
    type grsai\no_python.zh.txt 1>&2
    goto end
)
echo No Python was found. Install Python 3.10 or newer from https://www.python.org/downloads/, with "Add python.exe to PATH", and start this again. 1>&2

:end
if defined PAGE chcp %PAGE% >nul
popd
rem After a double click the window stays open: then this file stands in the command line of cmd.
rem Where it was typed, or called by another batch file, nobody waits for a key.
if defined GRSAI_NO_PAUSE exit /b %STATUS%
if not defined CMDCMDLINE goto wait
set "LINE=%CMDCMDLINE:"=%"
if "%LINE:run_batch=%"=="%LINE%" exit /b %STATUS%
:wait
pause
exit /b %STATUS%
