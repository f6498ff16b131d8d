"""`pytest-aicore`: what this project does outside of pytest. Each command imports what it needs when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pytest_aicore.echo import MISPLACED, is_misplaced, parts_shown, seen_from, shown
from pytest_aicore.errors import AicoreError
from pytest_aicore.printable import on_one_line, say
from pytest_aicore.redact import HIDDEN, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_aicore.running.earlier import Choice

MISUSED = 2
"""The exit status for errors that the user can fix: wrong arguments, missing files; argparse uses the same."""
INTERRUPTED = 130
"""The exit status of an interrupted process, as shells report it."""

BROKEN_PIPE = 141
"""The exit status after writing to a closed pipe, as shells report it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: as on the command line, without the program's name; those of this process when left out.
    """
    parser = _ArgumentParser(
        prog="pytest-aicore", description="SAP AI Core training runs, beside pytest.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (summary, declare) in COMMANDS.items():
        declare(commands.add_parser(name, help=summary, description=declare.__doc__, allow_abbrev=False))
    words = sys.argv[1:] if arguments is None else arguments
    values = [word.partition("=")[2] if word.startswith("-") else word for word in words]
    if any(map(is_misplaced, values)):
        parser.error(MISPLACED)
    try:
        try:
            asked = parser.parse_args(words)
            run: Callable[[argparse.Namespace], int] = asked.run
            return run(asked)
        finally:
            if sys.stdout is not None:  # Python would flush it after main, and exit with 120 if that fails
                sys.stdout.flush()
    except AicoreError as error:
        say(f"pytest-aicore: {redact(_concealed(str(error), values))}", sys.stderr)
        return MISUSED
    except BrokenPipeError:
        # The reader has closed the pipe; discard what Python would still flush at its end.
        _discard_output()
        return BROKEN_PIPE
    except OSError as error:  # a full disk, a stream that is closed: nothing that was checked is wrong
        _discard_output()
        say(f"pytest-aicore: {error.strerror or error}.", sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def _discard_output() -> None:
    """Discard what is still buffered for standard output, which cannot be written."""
    with suppress(OSError, AttributeError):  # there is none, or it is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _ArgumentParser(argparse.ArgumentParser):
    """Reports invalid arguments, without those that may be a secret."""

    def error(self, message: str) -> NoReturn:
        """Refuse arguments; a script that passes file names may have written them."""
        words = [word.strip("'") for word in message.split()]
        super().error(on_one_line(_concealed(message, [*words, *[word.partition("=")[2] for word in words]])))


def _concealed(message: str, values: Iterable[str]) -> str:
    """Return a message without those of the values of arguments that may be a secret."""
    for value in values:
        if value and shown(value) != value:
            for written in (value, repr(value)[1:-1], str(Path(value))):
                message = message.replace(written, HIDDEN)
    return message


class _Version(argparse.Action):
    """Looks up the version only when it is needed: that takes longer than checking a file."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        say(f"pytest-aicore {version('pytest-aicore')}")
        parser.exit()


def serve(parser: argparse.ArgumentParser) -> None:
    """Emulate SAP AI Core over HTTP until SIGINT or SIGTERM. Prints one line with its URL when ready."""
    parser.add_argument(
        "--workflows", type=Path, metavar="DIR", help="publish the workflow YAML of this folder, and what changes there"
    )
    parser.add_argument("--host", default="127.0.0.1", help="listen at this address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="listen at this port (default: any that is free)")
    parser.add_argument(
        "--service-key-out", type=Path, metavar="FILE", help="write a service key for clients to this file"
    )
    parser.add_argument(
        "--pace",
        default="real",
        help="real time, scaled time such as 60x, polls (each poll moves an execution or deployment to its next "
        "status), or instant (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, help="seed of the generated ids (default: 0, with --local a random one)")
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        help="write a line about each request to stderr; json: warnings are JSON, too (default: no such lines)",
    )
    others = parser.add_argument_group("clients on other machines, and behind other names")
    others.add_argument(
        "--public-url", metavar="URL", help="the URL by which clients reach the server: for keys and links in answers"
    )
    others.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer requests under this name as well; requests under unknown names are refused",
    )
    others.add_argument(
        "--admin-token",
        metavar="TOKEN",
        help="answer /__aicore__/ for other machines that send this token (better: PYTEST_AICORE_ADMIN_TOKEN)",
    )
    others.add_argument(
        "--no-page", action="store_true", help="do not show what runs at / (which needs pytest-aicore[html])"
    )
    others.add_argument("--no-admin", action="store_true", help="do not answer /__aicore__/")
    local = parser.add_argument_group("executions on this machine")
    local.add_argument(
        "--local", action="store_true", help="carry executions out on this machine, with their real code"
    )
    local.add_argument(
        "--local-store",
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="a folder, or s3://BUCKET/PREFIX, that takes the place of the object store: ai://NAME/a is a in it; "
        "without NAME= that of default",
    )
    _how_steps_run(local)
    tls = parser.add_argument_group("TLS and client certificates")
    tls.add_argument("--tls-cert", type=Path, metavar="FILE", help="the server's certificate chain, PEM")
    tls.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    tls.add_argument(
        "--tls-client-ca", type=Path, metavar="FILE", help="CA certificates that sign the clients' certificates, PEM"
    )
    tls.add_argument(
        "--allow-x509-over-http",
        action="store_true",
        help="without TLS, on this machine alone: give tokens to clients that would show a certificate",
    )

    def run(asked: argparse.Namespace) -> int:
        from pytest_aicore.cli.chosen import Chosen
        from pytest_aicore.cli.serve import serve_until_stopped
        from pytest_aicore.cli.serve_local import Wanted

        wanted = Wanted(asked.local, asked.local_store, Chosen.by(asked))
        wanted.refuse_without_local()
        return serve_until_stopped(
            workflows=asked.workflows,
            host=asked.host,
            port=asked.port,
            service_key_out=asked.service_key_out,
            pace=asked.pace,
            seed=asked.seed,
            admin=not asked.no_admin,
            admin_token=asked.admin_token,
            page=not asked.no_page,
            public_url=asked.public_url,
            allowed_hosts=asked.allow_host,
            log_format=asked.log_format,
            tls_cert=asked.tls_cert,
            tls_key=asked.tls_key,
            tls_client_ca=asked.tls_client_ca,
            allow_x509_over_http=asked.allow_x509_over_http,
            local=wanted if wanted.local else None,
        )

    parser.set_defaults(run=run)


def check(parser: argparse.ArgumentParser) -> None:
    """Check workflow YAML files. Exit status: 0 nothing fails, 1 something does, 2 wrong arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files, folders with what is below them, - for stdin (default: the workflows folder of pytest's settings)",
    )
    parser.add_argument(
        "--format", default="text", choices=("text", "json", "sarif", "github", "junit"), help="(default: %(default)s)"
    )
    parser.add_argument("--strict", action="store_true", help="warnings fail, too")
    parser.add_argument(
        "--against", metavar="GIT_REF", help="report what broke for existing configurations since this git revision"
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="RULE",
        help="leave a rule out (AIC302), or in some files only (PATTERN:AIC302)",
    )
    parser.add_argument(
        "--resource-plan",
        action="append",
        default=[],
        metavar="NAME",
        help="a plan or instance type of your tenant that SAP does not document",
    )
    parser.add_argument("--explain", metavar="RULE", help="print a rule with a bad and a good example")
    parser.add_argument("--list-rules", action="store_true", help="print every rule on a line of its own")

    def run(asked: argparse.Namespace) -> int:
        from pytest_aicore.cli import check as checking
        from pytest_aicore.config.check_options import make_options

        if asked.list_rules:
            return checking.list_rules()
        if asked.explain is not None:
            return checking.explain(asked.explain)
        return checking.check(
            asked.paths or _project_folders(),
            output_format=asked.format,
            strict=asked.strict,
            against=asked.against,
            options=make_options(asked.ignore, asked.resource_plan, "--ignore"),
        )

    parser.set_defaults(run=run)


def _project_folders() -> list[str]:
    """Return the workflows folders of the project, and say that they are checked."""
    from pytest_aicore.cli.project import workflows_folders

    folders = workflows_folders()
    paths = [seen_from(folder) for folder in folders.value]
    names = ", ".join(f"'{path}'" for path in parts_shown(paths))
    what = f"workflows folder{'s' * (len(paths) > 1)} {names} ({folders.source})"
    say(f"no path is given: checking the {what}", sys.stderr)
    return paths


def init(parser: argparse.ArgumentParser) -> None:
    """Write a first test of each workflow of a project, and what it needs; nothing is overwritten.

    Exit status: 0 done, 2 wrong arguments or no workflows.
    """
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="the project (default: this folder)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")

    def run(asked: argparse.Namespace) -> int:
        from pytest_aicore.cli.init.init import init

        return init(asked.folder, dry_run=asked.dry_run)

    parser.set_defaults(run=run)


def sweep(parser: argparse.ArgumentParser) -> None:
    """Stop the executions that interrupted live sessions left running.

    Exit status: 0 nothing of ours runs any more, 1 something does or may, 2 wrong arguments or no credentials.
    """
    parser.add_argument(
        "--older-than", metavar="T", help="only what was started at least this long ago (2h, 45m), on any machine"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be stopped, and stop nothing")
    parser.add_argument(
        "--local",
        action="store_true",
        help="instead remove what killed sessions with --aicore-local left here: processes, containers, files",
    )
    # The names that the options have in pytest, and that messages use, are accepted as well.
    parser.add_argument(
        "--ledger",
        "--aicore-ledger",
        type=Path,
        metavar="FILE",
        help="the ledger of the sessions (default: .pytest_cache/aicore/ledger.jsonl)",
    )
    parser.add_argument(
        "--service-key",
        "--aicore-service-key",
        type=Path,
        metavar="FILE",
        help="service key; else SAP's own lookup",
    )
    parser.add_argument(
        "--resource-group",
        "--aicore-resource-group",
        metavar="NAME",
        help="sweep this one only (default: those of the ledger, and AICORE_RESOURCE_GROUP)",
    )

    def run(asked: argparse.Namespace) -> int:
        if asked.local:
            from pytest_aicore.cli.sweep_local import sweep_local

            return sweep_local()
        from pytest_aicore.cli.sweep import sweep

        return sweep(
            ledger_file=asked.ledger or Path(".pytest_cache/aicore/ledger.jsonl"),
            service_key=asked.service_key,
            resource_group=asked.resource_group,
            older_than=asked.older_than,
            dry_run=asked.dry_run,
        )

    parser.set_defaults(run=run)


def run(parser: argparse.ArgumentParser) -> None:
    """Carry a workflow out on this machine, with its real code. Exit status: 0 COMPLETED, 1 otherwise, 2 misuse."""
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW", help="a file with a WorkflowTemplate or a Workflow")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="bind a parameter")
    parser.add_argument(
        "--artifact",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="bind an input artifact to a file or folder, to s3://BUCKET/KEY, or to ai://SECRET/PATH in what "
        "aicore_local_store names and in the outputs of earlier runs",
    )
    _how_steps_run(parser)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the files of the steps in aicore-kept, and print the command that repeats a failed step by hand",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--only", metavar="STEP", help="carry one step out; take what the others left in the last run of the workflow"
    )
    again.add_argument(
        "--from", dest="begin", metavar="STEP", help="the same, with all steps that begin after that one"
    )
    parser.add_argument(
        "--watch", action="store_true", help="run again whenever the workflow, an image's folder or an input is saved"
    )
    parser.add_argument(
        "--shell-on-failure", action="store_true", help="open a shell where a step failed; the run goes on when it ends"
    )
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="stop the run after so many seconds")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="a new folder for its outputs (default: one in aicore-output)"
    )
    parser.add_argument("--format", default="text", choices=("text", "json"), help="(default: %(default)s)")

    def carry_out(asked: argparse.Namespace) -> int:
        from pytest_aicore.cli import run as running
        from pytest_aicore.cli.chosen import Chosen

        return running.run(
            running.Wanted(
                workflow=asked.workflow,
                chosen=Chosen.by(asked),
                parameters=asked.parameter,
                artifacts=asked.artifact,
                timeout=asked.timeout,
                output=asked.output,
                output_format=asked.format,
                keep=asked.keep,
                choice=_choice(asked),
                shell=asked.shell_on_failure,
                watch=asked.watch,
            )
        )

    parser.set_defaults(run=carry_out)


def _choice(asked: argparse.Namespace) -> Choice | None:
    """Return which steps are carried out again, None for all."""
    from pytest_aicore.running.earlier import Choice

    step = asked.only or asked.begin
    return Choice(step, further=asked.begin is not None) if step else None


def _how_steps_run(group: argparse._ActionsContainer) -> None:
    """Declare what `run` and `serve --local` have in common."""
    group.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="PATTERN=FOLDER",
        help="images of these names are made from the Dockerfile in this folder",
    )
    group.add_argument(
        "--substitute",
        action="store_true",
        help="this machine's programs may take the place of images that are not mapped, also where CI is set",
    )
    group.add_argument(
        "--engine",
        choices=("auto", "sandbox", "docker", "process"),
        help="what runs the steps; process does not isolate them (default: as in the project, or auto)",
    )
    group.add_argument("--no-network", action="store_true", help="steps reach no network, but for what Tracking() logs")
    group.add_argument(
        "--memory",
        choices=("advice", "plan"),
        help="plan: a step ends as out of memory that takes more than its resource plan has "
        "(default: as in the project, or advice)",
    )
    group.add_argument(
        "--secrets", type=Path, metavar="FILE", help="YAML with the values of secrets: by name a map of keys"
    )
    group.add_argument("--config-maps", type=Path, metavar="FILE", help="the same with the values of ConfigMaps")


def _seconds(text: str) -> float:
    """Return a number of seconds; argparse reports what is none."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return seconds


_seconds.__name__ = "number of seconds"  # as argparse calls it: invalid number of seconds value: 'x'


def report(parser: argparse.ArgumentParser) -> None:
    """Merge the reports of shards and of sessions: what is worse than a week before, by how much, and what is flaky.

    Exit status: 0 the newest session passed, 1 it failed, 2 wrong arguments or a file that is not a report.
    """
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="REPORT",
        help="what --aicore-report=FILE wrote: files, and folders with files *.json",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page: to this file, or to a folder if the name has no .html"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for the summary of a CI job")
    parser.add_argument(
        "--one-session",
        action="store_true",
        help="all files are shards of one session (default: those of one CI build, or of the same time, without a test "
        "in common)",
    )

    def run(asked: argparse.Namespace) -> int:
        from pytest_aicore.cli.report import report

        return report(asked.paths, html=asked.html, markdown=asked.markdown, one_session=asked.one_session)

    parser.set_defaults(run=run)


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "check": ("check workflow YAML files", check),
    "init": ("write a first test of each workflow of a project", init),
    "report": ("merge reports of sessions: what is worse, and by how much", report),
    "run": ("carry a workflow out on this machine", run),
    "serve": ("emulate SAP AI Core over HTTP", serve),
    "sweep": ("stop the executions that interrupted live sessions left running", sweep),
}
"""By name what a command is for, and the function that declares its arguments and sets `run`."""

if __name__ == "__main__":
    sys.exit(main())
