"""Tables in files: the column of the classes alone, or all columns.

CSV (also compressed, with commas, semicolons, tabs or bars between its fields) and Parquet, read by pyarrow. Classes
are words; whole numbers are written without a point and sorted as numbers, so that a table gives the same classes in
the same order in every format.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lightning_imbalance.checks import listed
from lightning_imbalance.labels import Labels

if TYPE_CHECKING:
    from pandas import DataFrame

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.bz2", ".tsv", ".tsv.gz", ".tsv.bz2")
PARQUET_ENDINGS = (".parquet", ".pq")
TABLE_ENDINGS = (*CSV_ENDINGS, *PARQUET_ENDINGS)

_DELIMITERS = ",;\t|"
_ID_LIKE = 100


def is_table_file(path: str | Path) -> bool:
    """Say whether a path ends as the tables do that can be read here.

    Example:
        >>> is_table_file("loans.csv"), is_table_file("loans.xlsx")
        (True, False)
    """
    return str(path).lower().endswith(TABLE_ENDINGS)


def read_target(path: str | Path, target: str) -> Labels:
    r"""Read the classes of a table, and no other column.

    Args:
        path: A file that ends in one of :data:`TABLE_ENDINGS`.
        target: The column of the classes.

    Returns:
        One class index a row, and the names of the classes.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: There is no such file or column, it cannot be read, a row has no class, or the values are no
            classes: fractions, dates, or nearly as many different ones as there are rows.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "loans.csv"
        ...     _ = file.write_text("amount,paid\n100,yes\n250,no\n90,yes\n")
        ...     read_target(file, "paid")
        Labels(values=tensor([1, 0, 1]), class_names=('no', 'yes'))
    """
    column = _read(Path(path), target, only_target=True).column(target)
    # The dictionary of a CSV column is the order of the rows; that of a Parquet column is what somebody declared.
    return _encoded(_pyarrow(), column, target, keep_order=not _is_csv(path) and _is_dictionary(column))


def read_table(path: str | Path, target: str) -> DataFrame:
    """Read a whole table.

    Args:
        path: As for :func:`read_target`.
        target: The column of the classes, which is read as words.

    Returns:
        A pandas DataFrame.

    Raises:
        ModuleNotFoundError: pyarrow or pandas is not installed.
        ValueError: There is no such file or column, or it cannot be read.
    """
    pa = _pyarrow()
    table = _read(Path(path), target, only_target=False)
    if _is_csv(path):
        table = table.set_column(table.column_names.index(target), target, table.column(target).cast(pa.string()))
    try:
        frame: DataFrame = table.to_pandas()
    except ModuleNotFoundError:
        raise ModuleNotFoundError(_missing("pandas")) from None
    return frame


def classes_of(column: Any, target: str) -> Labels:
    """Turn a column into class indices and names.

    Args:
        column: A ``pyarrow.ChunkedArray``, a ``pyarrow.Array`` or a pandas column. Categories keep their order, and may
            be without rows; other values are sorted.
        target: What the column is called, for messages.

    Returns:
        One class index a row, int64, and the names of the classes.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: A row has no class, or the values are no classes.

    Example:
        >>> import pandas as pd
        >>> classes_of(pd.Series([10.0, 9.0, 10.0]), "grade")
        Labels(values=tensor([1, 0, 1]), class_names=('9', '10'))
    """
    pa = _pyarrow()
    if not isinstance(column, (pa.Array, pa.ChunkedArray)):
        column = _from_pandas(pa, column, target)
    return _encoded(pa, column, target, keep_order=_is_dictionary(column))


def _encoded(pa: Any, column: Any, target: str, *, keep_order: bool) -> Labels:
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if len(chunked) == 0:
        msg = f"`target` must be a column with at least one row, got {target!r} of an empty table."
        raise ValueError(msg)
    if not pa.types.is_dictionary(chunked.type):
        _check_type(pa, chunked.type, target)
        chunked = chunked.dictionary_encode()
    whole = chunked.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    _check_type(pa, whole.dictionary.type, target)
    values = whole.dictionary.to_pylist()
    missing = whole.null_count + sum(
        int((whole.indices.to_numpy(zero_copy_only=False) == place).sum())
        for place, value in enumerate(values)
        if value is None or value != value  # noqa: PLR0124  # NaN
    )
    if missing:
        msg = (
            f"`target` must have a class in every row, got {missing:,} of {len(chunked):,} rows of {target!r} without "
            "one. Leave these rows out, or give them a class of their own."
        )
        raise ValueError(msg)
    names = _names(values, target)
    _refuse_ids(values, len(chunked), target)
    order = list(dict.fromkeys(names)) if keep_order else sorted(set(names), key=_sort_key(names))
    place = {name: index for index, name in enumerate(order)}
    lookup = torch.tensor([place[name] for name in names], dtype=torch.int64)
    codes = torch.from_numpy(whole.indices.to_numpy(zero_copy_only=False).copy()).long()
    return Labels(lookup[codes], tuple(order))


def _read(path: Path, target: str, *, only_target: bool) -> Any:
    pa = _pyarrow()
    if not path.is_file():
        what = "is a folder" if path.exists() else "does not exist"
        msg = f"`path` must be a table in a file, got {path}, which {what}."
        raise ValueError(msg)
    if not is_table_file(path):
        msg = f"`path` must end in {', '.join(TABLE_ENDINGS)}, got {path}."
        raise ValueError(msg)
    try:
        return _read_csv(pa, path, target, only_target) if _is_csv(path) else _read_parquet(path, target, only_target)
    except pa.ArrowException as error:
        msg = f"`path` must be a table that can be read, CSV in UTF-8 or Parquet, got {path}: {error}"
        raise ValueError(msg) from error


def _read_csv(pa: Any, path: Path, target: str, only_target: bool) -> Any:  # noqa: FBT001
    from pyarrow import csv

    with pa.input_stream(str(path)) as stream:  # it decompresses by the ending
        head = stream.read(1 << 16).decode("utf-8", "replace").lstrip("\ufeff")
    header = head.splitlines()[0] if head.strip() else ""
    # Python's csv.Sniffer takes letters for delimiters.
    delimiter = max(_DELIMITERS, key=header.count)
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    names = csv.read_csv(
        pa.BufferReader(f"{header}\n".encode()), parse_options=csv.ParseOptions(delimiter=delimiter)
    ).column_names if header else []  # fmt: skip
    _check_column(names, target, path)
    converting = csv.ConvertOptions(
        # Words first: which class a row has must not depend on what the first rows look like.
        column_types={target: pa.dictionary(pa.int32(), pa.string())},
        strings_can_be_null=True,
        include_columns=[target] if only_target else None,
    )
    return csv.read_csv(str(path), parse_options=parsing, convert_options=converting)


def _read_parquet(path: Path, target: str, only_target: bool) -> Any:  # noqa: FBT001
    from pyarrow import parquet

    file = parquet.ParquetFile(str(path))
    _check_column(file.schema_arrow.names, target, path)
    return file.read(columns=[target] if only_target else None)


def _check_column(names: list[str], target: str, path: Path) -> None:
    if names.count(target) == 1:
        return
    if target in names:
        msg = f"`target` must name one column, got {target!r}, which {names.count(target)} columns of {path} have."
        raise ValueError(msg)
    nearest = difflib.get_close_matches(target, names, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    msg = f"`target` must be a column of {path} ({listed(names) or 'which has none'}), got {target!r}.{hint}"
    raise ValueError(msg)


def _from_pandas(pa: Any, column: Any, target: str) -> Any:
    try:
        return pa.Array.from_pandas(column)
    except pa.ArrowException as error:
        msg = f"`target` must hold values of one kind, got {target!r}: {error}"
        raise ValueError(msg) from error


def _is_csv(path: str | Path) -> bool:
    return str(path).lower().endswith(CSV_ENDINGS)


def _is_dictionary(column: Any) -> bool:
    return bool(_pyarrow().types.is_dictionary(column.type))


def _check_type(pa: Any, kind: Any, target: str) -> None:
    types = pa.types
    good = (
        types.is_string,
        types.is_large_string,
        types.is_string_view,
        types.is_boolean,
        types.is_integer,
        types.is_floating,
    )
    if not any(is_kind(kind) for is_kind in good):
        msg = f"`target` must hold words, whole numbers or booleans, got {target!r} of type {kind}."
        raise ValueError(msg)


def _refuse_ids(values: list[Any], rows: int, target: str) -> None:
    if len(values) > _ID_LIKE and 2 * len(values) > rows:
        some = ", ".join(repr(value) for value in values[:3])
        msg = (
            f"`target` must hold classes that occur again and again, got {target!r} with {len(values):,} different "
            f"values in {rows:,} rows ({some}, ...). Is it an id, or a number to predict?"
        )
        raise ValueError(msg)


def _names(values: list[Any], target: str) -> list[str]:
    """Return the name of each value: one and the same for 1, 1.0, "1" and "1.0" where all are numbers."""
    numbers = [_number(value) for value in values]
    if any(number is None for number in numbers):
        return [str(value) for value in values]
    fractions = [value for value, number in zip(values, numbers, strict=True) if number is not None and number % 1 != 0]
    if fractions:
        some = ", ".join(str(value) for value in fractions[:3])
        msg = (
            f"`target` must hold classes, got numbers with fractions in {target!r} ({some}). "
            "Make classes of ranges first."
        )
        raise ValueError(msg)
    return [str(int(number)) for number in numbers if number is not None]


def _number(value: Any) -> float | None:
    """Read a number, but no word that only looks like one: 007, True, 1_000."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if (
            not digits[:1].isdigit()
            or (digits[0] == "0" and digits[1:2].isdigit())
            or "_" in digits
            or not value.isascii()
        ):
            return None
    try:
        return float(value) if isinstance(value, (str, float)) else int(value)
    except ValueError:
        return None


def _sort_key(names: list[str]) -> Any:
    return int if all(name.removeprefix("-").isdecimal() and _number(name) is not None for name in names) else str


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise ModuleNotFoundError(_missing("pyarrow")) from None
    return pa


def _missing(library: str) -> str:
    return f'tables need {library}, which is not installed. Run `pip install "lightning-imbalance[tabular]"`.'
