"""Reports: one HTML file that needs nothing beside it."""

from lightning_imbalance.reports.page import DataTable, Facts, Notice, Page, Picture, Section, Text

__all__ = ["DataTable", "Facts", "Notice", "Page", "Picture", "Section", "Text"]
