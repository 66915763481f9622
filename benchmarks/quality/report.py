"""What a quality run found: tables with our column, bars, and whether they are met."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass
class Sheet:
    """One table. ``columns`` name the figures of each case; those of ours start with "ours"."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, tuple[str, ...], str, bool | None]] = field(default_factory=list)

    def row(self, case: str, *figures: object, bar: str = "", ok: bool | None = None) -> None:
        """A case: one figure per column, the bar in words, and whether it is met (None where none is set)."""
        if len(figures) != len(self.columns):
            raise ValueError(f"{case}: {len(figures)} figures for {len(self.columns)} columns")
        self.rows.append((case, tuple(map(str, figures)), bar, ok))


@dataclass
class Report:
    """All tables of one kind, and what must be said beside them."""

    kind: str
    sheets: list[Sheet] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def sheet(self, title: str, *columns: str) -> Sheet:
        self.sheets.append(Sheet(title, columns))
        return self.sheets[-1]

    def note(self, text: str) -> None:
        """How it was run, by which rule parameters were chosen, what is left out, what did not help."""
        self.notes.append(text)

    @property
    def ok(self) -> bool:
        """Whether every bar is met, and there is at least one."""
        met = [ok for sheet in self.sheets for *_, ok in sheet.rows if ok is not None]
        return bool(met) and all(met)

    def show(self, console: Console) -> None:
        console.rule(f"[bold]{self.kind}[/]", align="left")
        for sheet in self.sheets:
            table = Table("case", *sheet.columns, "bar", "", title=sheet.title, title_justify="left", box=None)
            for case, figures, bar, ok in sheet.rows:
                table.add_row(case, *figures, bar, {None: "", True: "[green]pass[/]", False: "[red]FAIL[/]"}[ok])
            console.print(table)
        for text in self.notes:
            console.print(f"- {text}", markup=False, highlight=False)
