"""Reports: one HTML file that needs nothing beside it."""

from lightning_imbalance.reports.page import Code, DataTable, Facts, Notice, Page, Picture, Section, Text

__all__ = ["Code", "DataTable", "Facts", "Notice", "Page", "Picture", "Section", "Text"]
