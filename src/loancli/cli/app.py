"""The list of commands, and how the one that is called is loaded (docs/decisions/0001-layout-and-lazy-commands.md).

`loancli --help` shows the list without importing any of its modules. A module gives its `app: typer.Typer`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from loancli.cli.exit import Exit, report
from loancli.cli.options import global_options, language
from loancli.cli.render import forgive_encodings
from loancli.texts import Lang, catalogue, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One word after `loancli`: a group of commands, or a command itself."""

    name: str
    module: str
    en: str
    zh: str
    is_group: bool = True


def _group(name: str, en: str, zh: str) -> Entry:
    return Entry(name=name, module=f"loancli.cli.{name}", en=en, zh=zh)


def _command(name: str, en: str, zh: str, module: str | None = None) -> Entry:
    return Entry(name=name, module=f"loancli.cli.{module or name}", en=en, zh=zh, is_group=False)


REGISTRY = (
    _command("init", "Make a ledger.", "新建账本"),
    _command("demo", "Build and run the whole story on made-up files.", "用示例数据完整演示一遍"),
    _command("doctor", "Say what is wrong with the set-up.", "检查运行环境有什么问题"),
    _group("borrower", "Borrowers.", "借款人"),
    _group("product", "The terms that loans are made on.", "贷款产品及条款"),
    _group("plan", "A plan without a loan: rows, cost, two side by side.", "还款计划试算、成本与对比"),
    _group("loan", "Loans: open, draw, list, show, events, quote.", "贷款：开立、支用、查看、事件、结清试算"),
    _group("adjust", "The plan of a signed loan changed: preview, apply.", "变更已签贷款的还款计划：预览、执行"),
    _command("import", "Read payment exports.", "读取支付平台账单", module="import_files"),
    _group("payment", "Repayments received, and those a person must place.", "已收还款及待人工认领的款项"),
    _group("revenue", "A borrower's revenue and the rule behind each row.", "借款人营收及每笔的判定规则"),
    _group("day", "Close of day.", "日终"),
    _group("segment", "Who is in which segment, and why.", "客户分群及原因"),
    _group("campaign", "Contacts in bulk: plan, preview, approve, send.", "批量触达：计划、预览、批准、发送"),
    _command("remind", "The reminders of the day, for cron.", "当日还款提醒（供定时任务）"),
    _group("promise", "Promises to pay.", "承诺还款"),
    _group("hold", "Reasons to leave a borrower alone.", "暂停联系的原因"),
    _group("ledger", "The books: check, rebuild, balances, export.", "账本：检查、重建、余额、导出"),
)


class LazyGroup(TyperGroup):
    """The root: it knows its commands by name and help, and loads one when it is called."""

    lang: Lang = "en"
    entries: Mapping[str, Entry] = {}

    def list_lazily(self, registry: Sequence[Entry], lang: Lang) -> None:
        self.lang = lang
        self.entries = {entry.name: entry for entry in registry}
        for entry in registry:
            self.add_command(TyperCommand(entry.name, help=entry.zh if lang == "zh" else entry.en))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = load(self.entries[name], self.lang)
        return name, command, rest


def load(entry: Entry, lang: Lang) -> Any:
    """The command or group that `entry` names, in the language of the user. A module that is missing is a bug."""
    app: typer.Typer = import_module(entry.module).app
    command: Any = typer.main.get_group(app) if entry.is_group else typer.main.get_command(app)
    command.name = entry.name
    command.help = entry.zh if entry.is_group and lang == "zh" else command.help or entry.en
    if entry.is_group:
        command.no_args_is_help = True
    _dress(command, entry.name, lang)
    return command


def build(registry: Sequence[Entry], lang: Lang) -> LazyGroup:
    """The root command over `registry`."""
    app = typer.Typer(cls=LazyGroup, no_args_is_help=True, rich_markup_mode=None)
    app.callback()(global_options)
    root: Any = typer.main.get_command(app)
    root.list_lazily(registry, lang)
    _dress(root, "", lang)
    assert isinstance(root, LazyGroup)
    return root


class ChineseContext(typer.Context):
    """Typer's own words in help pages, which it has in English only."""

    def get_help(self) -> str:
        text = super().get_help()
        for english, chinese in catalogue("zh")["typer"].items():
            text = text.replace(english, chinese)
        return text


def _dress(command: Any, path: str, lang: Lang) -> None:
    """Plain help pages (rich would cost more than the command), and what the catalogue has of them in Chinese.

    Its keys are what one types: `help."loan show"`, `help."loan show --at"`, or `help."--at"` for every command.
    """
    command.rich_markup_mode = None
    if lang == "zh":
        command.context_class = ChineseContext
        command.help = said(f"help.{path}", lang, command.help)
        for param in command.params:
            name = max(param.opts, key=len)
            param.help = said(f"help.{path} {name}".rstrip(), lang, said(f"help.{name}", lang, param.help))
    for name, child in getattr(command, "commands", {}).items():
        _dress(child, f"{path} {name}".strip(), lang)


def run(registry: Sequence[Entry], args: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line to its exit code; whatever ends it is told on stderr by `exit.report`."""
    forgive_encodings()
    lang = language(args, environ, frozenset(entry.name for entry in registry))
    verbose = False
    try:
        root = build(registry, lang)
        if "_LOANCLI_COMPLETE" in environ:
            root.main(list(args), prog_name="loancli")
        with root.make_context("loancli", list(args), obj=lang) as ctx:
            verbose = ctx.params["verbose"]
            root.invoke(ctx)
    except (Exception, KeyboardInterrupt) as error:
        return report(error, lang=lang, verbose=verbose)
    return Exit.DONE
