"""The command line.

Exit codes: 0 done, also when single symbols failed; 1 the data cannot be read or fetched;
2 the command, the request or the formula is wrong, or no symbol is left to ask;
130 stopped, by Ctrl-C or at its --timeout.
"""

from __future__ import annotations

import click

from jtscan.cli.fetching import fetch
from jtscan.cli.options import INTERRUPTED
from jtscan.cli.scanning import check, explain, functions, library, scan, symbols
from jtscan.cli.storing import compact, doctor, history, ingest, restore, sweep, verify
from jtscan.errors import FormulaError, JtscanError, RequestError


class Refused(click.ClickException):
    """What was asked cannot be; unlike data that cannot be read, which has the code 1."""

    exit_code = 2


class _Group(click.Group):
    """Turns our errors into a message and an exit code, for every command."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except JtscanError as error:
            kind = Refused if isinstance(error, RequestError | FormulaError) else click.ClickException
            raise kind(str(error)) from None
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            context.exit(INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="jtscan", prog_name="jtscan")
def main() -> None:
    """Scan a whole market with one formula."""


_COMMANDS = (
    scan, symbols, check, explain, functions, library, ingest, fetch, doctor, verify, history, restore, sweep, compact,
)  # fmt: skip
for _command in _COMMANDS:
    main.add_command(_command)
