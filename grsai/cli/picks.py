"""The kept pictures, into a folder of their own."""

from __future__ import annotations

from ..errors import WrongSetting
from ..finishing import finished_files
from ..ledger import ledger_of
from ..settings import path_of
from ..texts import say
from .options import Options, settings_of
from .reviewing import folder_of
from .screen import show, show_json, trouble


def picks(options: Options) -> int:
    from ..review.album import Album
    from ..review.picks import copied, moved, picks_of
    from ..review.verdicts import MOST_STARS

    settings, output, language = settings_of(options), folder_of(options), options.language
    if not options.to:
        raise WrongSetting("Say where the kept pictures go, with --to.")
    if options.min_stars not in map(str, range(MOST_STARS + 1)):
        raise WrongSetting("Stars can be 0 to {most}, not {value}.", most=MOST_STARS, value=options.min_stars[:40])
    folder = path_of(options.to).absolute()
    if folder.resolve() == output.resolve():
        raise WrongSetting("{folder} is the folder with the pictures. Name another one with --to.", folder=folder)
    with ledger_of(settings) as ledger:
        for notice in ledger.notices:
            trouble(notice.say(language))
        album = Album(output, ledger).read()
        found = picks_of(album, finished_files(output), min_stars=int(options.min_stars))
        files = moved(found, folder, album) if options.move else copied(found, folder)
    if options.json:
        show_json({"picks": len(files), "moved": options.move, "files": [str(file) for file in files]})
    elif not files:
        show(say("No picture is kept. Keep some on the page that review opens.", language))
    elif options.move:
        text = "Moved: 1 kept picture to {folder}" if len(files) == 1 else "Moved: {count} kept pictures to {folder}"
        show(say(text, language, count=len(files), folder=folder))
    else:
        text = "Copied: 1 kept picture to {folder}" if len(files) == 1 else "Copied: {count} kept pictures to {folder}"
        show(say(text, language, count=len(files), folder=folder))
    return 0
