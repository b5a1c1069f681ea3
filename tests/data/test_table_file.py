"""The classes of a table are the same in every format, and what is no class is named."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
import torch
from pyarrow import parquet

from lightning_imbalance.data.table_file import classes_of, is_table_file, read_table, read_target

pa = pytest.importorskip("pyarrow")


def written(tmp_path, text: str, name: str = "table.csv", encoding: str = "utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def codes_of(labels) -> torch.Tensor:
    codes, _ = labels
    return codes


def counted(labels) -> dict[str, int]:
    return dict(
        zip(
            labels.class_names,
            torch.bincount(codes_of(labels), minlength=len(labels.class_names)).tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (["b", "a", "b"], {"a": 1, "b": 2}),
        (["10", "9", "10", "-1"], {"-1": 1, "9": 1, "10": 2}),
        (["1.0", "0.0", "1.0"], {"0": 1, "1": 2}),
        (["007", "7", "07"], {"007": 1, "07": 1, "7": 1}),
        (["True", "False", "True"], {"False": 1, "True": 2}),
        (["1", "one", "1"], {"1": 2, "one": 1}),
        (["<script>", "ä, ö", "line\nbreak"], {"<script>": 1, "line\nbreak": 1, "ä, ö": 1}),
    ],
)
def test_the_classes_of_a_csv_file_are_those_of_its_words(values, counts, tmp_path):
    pd.DataFrame({"x": range(len(values)), "y": values}).to_csv(tmp_path / "t.csv", index=False)

    labels = read_target(tmp_path / "t.csv", "y")

    assert counted(labels) == counts
    assert list(labels.class_names) == list(counts)
    assert [labels.class_names[index] for index in codes_of(labels)] == [
        str(int(float(v))) if v.endswith(".0") else v for v in values
    ]


@pytest.mark.parametrize("values", [["b", "a", "b"], [10, 9, 10], [1.0, 0.0, 1.0], [True, False, True]])
def test_csv_parquet_and_pandas_give_the_same_classes(values, tmp_path):
    frame = pd.DataFrame({"y": values})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")

    from_frame = classes_of(frame["y"], "y")

    for path in ("t.csv", "t.parquet"):
        labels = read_target(tmp_path / path, "y")
        assert labels.class_names == from_frame.class_names
        assert codes_of(labels).tolist() == codes_of(from_frame).tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_other_delimiters_a_byte_order_mark_and_compression_are_understood(delimiter, tmp_path):
    text = "\ufeffage;kind;y\n1;a;yes\n2;b;no\n3;c;yes\n".replace(";", delimiter)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))

    assert counted(read_target(written(tmp_path, text), "y")) == {"no": 1, "yes": 2}
    assert counted(read_target(tmp_path / "t.csv.gz", "y")) == {"no": 1, "yes": 2}


def test_other_columns_are_not_read(tmp_path):
    # Bytes that are no UTF-8 and numbers that turn into words would stop whoever read them.
    path = tmp_path / "t.csv"
    path.write_bytes(b"note,x,y\nok,1,a\n\xff\xfe,one,b\n")

    assert counted(read_target(path, "y")) == {"a": 1, "b": 1}


def test_declared_categories_keep_their_order_and_may_be_without_rows(tmp_path):
    column = pd.Series(pd.Categorical(["mild", "none", "mild"], categories=["none", "mild", "severe"]))

    assert counted(classes_of(column, "y")) == {"none": 1, "mild": 2, "severe": 0}
    parquet.write_table(pa.table({"y": pa.array(column)}), tmp_path / "t.parquet")
    assert read_target(tmp_path / "t.parquet", "y").class_names[:2] == ("none", "mild")


def test_a_whole_table_has_its_classes_as_words(tmp_path):
    frame = read_table(written(tmp_path, "x,y\n1.5,01\n,02\n"), "y")

    assert frame["y"].tolist() == ["01", "02"]
    assert frame["x"].isna().tolist() == [False, True]


def test_a_table_is_told_by_its_ending():
    assert [is_table_file(name) for name in ("a.CSV", "a.csv.gz", "a.pq", "a.json", "csv")] == [
        True,
        True,
        True,
        False,
        False,
    ]


IDS = "x,y\n" + "".join(f"1,customer{index}\n" for index in range(300))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,sex,label\n1,f,a\n", "`target` must be a column of {path} ('age', 'sex', 'label'), got 'lable'. Did you mean 'label'?"),
        ("", "`target` must be a column of {path} (which has none), got 'lable'."),
        ("lable,lable\n1,2\n", "`target` must name one column, got 'lable', which 2 columns of {path} have."),
        ("x,lable\n", "`target` must be a column with at least one row, got 'lable' of an empty table."),
        ("x,lable\n1,a\n2,\n3,NA\n", "`target` must have a class in every row, got 2 of 3 rows of 'lable' without one. Leave these rows out, or give them a class of their own."),
        ("x,lable\n1,0.5\n2,1.25\n3,2\n", "`target` must hold classes, got numbers with fractions in 'lable' (0.5, 1.25). Make classes of ranges first."),
        (IDS.replace("y", "lable"), "`target` must hold classes that occur again and again, got 'lable' with 300 different values in 300 rows ('customer0', 'customer1', 'customer2', ...). Is it an id, or a number to predict?"),
    ],
)  # fmt: skip
def test_what_is_no_class_is_named(text, message, tmp_path):
    path = written(tmp_path, text)

    with pytest.raises(ValueError, match="must") as error:
        read_target(path, "lable")

    assert str(error.value) == message.format(path=path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.Series([1.0, float("nan")]), "`target` must have a class in every row, got 1 of 2 rows of 'y' without one. Leave these rows out, or give them a class of their own."),
        (pd.to_datetime(pd.Series(["2020-01-01"])), "`target` must hold words, whole numbers or booleans, got 'y' of type timestamp"),
        (pd.Series([[1], [2]]), "`target` must hold words, whole numbers or booleans, got 'y' of type list"),
        (pd.Series([1, "a"]), "`target` must hold values of one kind, got 'y': "),
    ],
)  # fmt: skip
def test_a_pandas_column_that_holds_no_classes_is_refused(values, message):
    with pytest.raises(ValueError, match="must") as error:
        classes_of(values, "y")

    assert str(error.value).startswith(message)


def test_a_number_that_is_missing_from_a_parquet_file_is_counted(tmp_path):
    parquet.write_table(pa.table({"y": [1.0, float("nan"), None]}), tmp_path / "t.parquet")

    with pytest.raises(ValueError, match="got 2 of 3 rows of 'y' without one"):
        read_target(tmp_path / "t.parquet", "y")


def test_a_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path):
    for path, message in (
        (tmp_path / "none.csv", "which does not exist."),
        (tmp_path, "which is a folder."),
        (written(tmp_path, "x", "t.xlsx"), "`path` must end in .csv, .csv.gz, .csv.bz2, .tsv, .tsv.gz, .tsv.bz2, .parquet, .pq, got "),
        (written(tmp_path, "no parquet", "t.parquet"), "`path` must be a table that can be read, CSV in UTF-8 or Parquet, got "),
        (written(tmp_path, "x,y\n1,a\n1,b,c\n"), "`path` must be a table that can be read, CSV in UTF-8 or Parquet, got "),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="must") as error:
            read_target(path, "y")

        assert message in str(error.value)
