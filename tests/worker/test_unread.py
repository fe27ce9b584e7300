"""Tables whose file is not there, by whole programs: what shape the data have that meet a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from kls import describe, plan, witnesses
from kls.documents import Snapshot
from kls.facts import Severity
from kls.host import Host
from kls.worker.protocol import Call, Report
from tests import catalogue

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
]

START = """\
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, OneHotEncoder, StandardScaler, normalize
from sklearn.utils import check_array, shuffle
df = pd.read_csv("absent.csv")
model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile(loss="mse")
"""


async def ask(real: Host, text: str) -> Report:
    snapshot = Snapshot("file:///tmp/unread.py", "/tmp/unread.py", 1, text)
    return await witnesses.ask(plan.plan(snapshot, seconds=60), real.ask)


def shape(call: Call, role: str = "x") -> Any:
    """The shape of an argument without its samples; None where it is not known."""
    found = next(item for item in call.arguments if item.role == role)
    return found.tensors[0].shape[1:] if found.tensors and found.tensors[0].shape is not None else None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("df", (None,)),
        ("df.values", (None,)),
        ("df[['a', 'b', 'c']]", (3,)),
        ("df[['a', 'b', 'c']].drop('b', axis=1)", (2,)),
        ("df[['a', 'b', 'c']].drop(columns=['a', 'c']).to_numpy()", (1,)),
        ("df.iloc[:, 1:5].values", (4,)),
        ("df.iloc[:, :-1].values", (None,)),
        ("df.iloc[:, -3:]", (3,)),
        ("df.iloc[100:, [0, 2]]", (2,)),
        ("df.loc[df['a'] > 3, ['a', 'b']]", (2,)),
        ("df.loc[:, 'a':'c']", (None,)),
        ("df[df.a > 3][['a', 'b']].dropna().reset_index(drop=True)", (2,)),
        ("df.drop('y', axis=1) / 255.0", (None,)),
        ("(df.drop('y', axis=1).values / 255).reshape(-1, 28, 28, 1)", (28, 28, 1)),
        ("df.values.reshape((df.shape[0], df.shape[1], 1))", (None, 1)),
        ("np.reshape(df.values, (len(df), 4, 5))", (4, 5)),
        ("np.expand_dims(df[['a', 'b']].values, axis=2)", (2, 1)),
        ("np.expand_dims(df[['a', 'b']].values, -1)", (2, 1)),
        ("df[['a', 'b']].values[..., np.newaxis]", (2, 1)),
        ("df[['a', 'b']].values[:, None, :]", (1, 2)),
        ("np.array(df[['a', 'b']], dtype='float32')", (2,)),
        ("np.log1p(df[['a', 'b']].astype('float64'))", (2,)),
        ("(df[['a', 'b']] - df[['a', 'b']].mean()) / df[['a', 'b']].std()", (2,)),
        ("(df[['a', 'b']] - df.describe().transpose()['mean']) / df.describe().T['std']", (2,)),
        ("np.zeros((9, len(df[['a', 'b']].keys())))", (2,)),
        ("StandardScaler().fit_transform(df[['a', 'b', 'c']])", (3,)),
        ("MinMaxScaler().fit_transform(df[['a']].values)", (1,)),
        ("MinMaxScaler().fit_transform(df['a'].values.reshape(-1, 1))", (1,)),
        ("train_test_split(df[['a', 'b']], df['y'], test_size=0.2, stratify=df['y'])[1]", (2,)),
        ("keras.utils.to_categorical(df['y'], 7)", (7,)),
        ("keras.utils.to_categorical(LabelEncoder().fit_transform(df['y']))", (None,)),
        ("pd.get_dummies(df['y'])", (None,)),
        ("pd.get_dummies(df['y']).values.argmax(axis=1).reshape(-1, 1)", (1,)),
        ("np.argmax(pd.get_dummies(df['y']).values, axis=1).reshape(-1, 1)", (1,)),
        ("pd.concat([df[['a', 'b']], df[['c']]], axis=1)", (3,)),
        ("np.concatenate([df[['a', 'b']].values, df[['a', 'b']].values])", (2,)),
        ("np.vstack([df[['a', 'b']].values, df[['c', 'd']].values])", (2,)),
        ("pd.read_csv('https://nowhere.invalid/a.csv', names=['a', 'b', 'c', 'd'])", (4,)),
        ("pd.read_csv('absent.csv', usecols=[1, 2])", (2,)),
        ("pd.read_csv('absent.csv').to_numpy(dtype='float32')", (None,)),
        ("OneHotEncoder().fit_transform(df[['y']]).toarray()", (None,)),
        ("tf.reshape(tf.cast(df.drop('y', axis=1), tf.float32) / 255.0, (-1, 8, 8, 1))", (8, 8, 1)),
        ("tf.expand_dims(df[['a', 'b']].values, -1)", (2, 1)),
        ("shuffle(df[['a', 'b']], df['y'])[0]", (2,)),
        ("df[['a', 'b']].values[next(KFold(3).split(df))[0]]", (2,)),
        ("normalize(df[['a', 'b']])", (2,)),
        ("np.array(ColumnTransformer([('one', OneHotEncoder(), [1])]).fit_transform(df.values))", (None,)),
        ("pd.DataFrame({'a': [1, 2]})", (1,)),
        ("pd.concat([df[['a', 'b']], pd.get_dummies(df['c'])], axis=1)", (None,)),
        ("np.hstack([df[['a', 'b']].values, df[['c']].values])", (3,)),
        ("df[df.columns.drop('y')].values", (None,)),
        ("df[['a', 'b', 'c']][df[['a', 'b', 'c']].columns.drop('b')]", (2,)),
        ("df[[name for name in df.columns if name != 'y']]", (None,)),
        ("df[df.select_dtypes('number').columns.tolist()].to_numpy()", (None,)),
        ("df[[df.columns[0], 'b']]", (2,)),
        ("pd.read_csv('absent.csv', header=None)[[0, 1, 2]]", (3,)),
        ("pd.read_csv('absent.csv', header=None)[8].values.reshape(-1, 1)", (1,)),
        ("df[df[8] > 1].drop(8, axis=1)", (None,)),
        ("make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(df[['a', 'b']])", (2,)),
        ("ColumnTransformer([('n', make_pipeline(SimpleImputer()), ['a', 'b'])]).fit_transform(df)", (2,)),
        ("make_column_transformer((StandardScaler(), ['a']), ('passthrough', ['b', 'c'])).fit_transform(df)", (3,)),
        ("make_column_transformer((StandardScaler(), ['a']), remainder='passthrough').fit_transform(df)", (None,)),
        ("make_column_transformer((OneHotEncoder(), ['a']), (StandardScaler(), ['b'])).fit_transform(df)", (None,)),
        ("SimpleImputer(add_indicator=True).fit_transform(df[['a', 'b']])", (None,)),
        ("TfidfVectorizer().fit_transform(df['text']).toarray()", (None,)),
        ("np.array([np.zeros((4, 3)) for name in df['file']])", (4, 3)),
        ("np.array([df[['a']].values[i:i + 9] for i in range(len(df) - 9)])", (9, 1)),
        ("np.array([[1, 2] for name in df['file'] if name.endswith('.png')])", (2,)),
        (
            "np.array([np.array(tf.zeros((8, 9, 3))) for _ in df['p']])",
            (8, 9, 3),
        ),
        # What may hold texts, or is not modelled, is not known at all.
        ("df['a']", ()),
        ("df['a'].values", ()),
        ("df.T", None),
        ("df.apply(np.log)", None),
        ("df.groupby('a').mean()", None),
        ("df.values.reshape(1, -1)", None),
        ("df.values[3]", None),
        ("np.stack(df['pixels'].values)", None),
        ("np.array(df['pixels'].tolist())", None),
        ("df['words'].str.len()", None),
        ("pd.read_csv('absent.csv', chunksize=3)", None),
        ("PCA(2).fit_transform(df)", (2,)),
        ("pd.to_datetime(df['a'])", None),
        ("[row for row in df.values]", None),
        ("LinearRegression().fit(df, df['y']).predict(df)", None),
        ("np.where(df['y'] == 'yes', 1, 0).reshape(-1, 1)", (1,)),
        ("np.where(df['y'] == 'yes', 'a', 'b')", None),
        ("df['y'].map({'no': 0, 'yes': 1}).values.reshape(-1, 1)", (1,)),
        ("df['y'].map({'no': 'a', 'yes': 'b'}).values", None),
        ("df['y'].astype('category').cat.codes.values.reshape(-1, 1)", (1,)),
        ("check_array(df)", None),
    ],
)
async def test_shapes(real: Host, expression: str, expected: Any) -> None:
    report = await ask(real, f"{START}x = {expression}\nmodel.predict(x)\n")
    assert not report.failures and len(report.calls) == 1
    assert report.gaps[0].reason == "the file absent.csv is not there" and report.gaps[0].span.line == 14
    assert shape(report.calls[0]) == expected
    assert not any("Unread" in gap.reason for gap in report.gaps)
    assert (report.calls[0].status == "unknown") == (expected is None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("x['d'] = x.a * 2", (4,)),
        ("x['a'] = x.a * 2", (3,)),
        ("x[name] = 0", (None,)),
        ("del x['a']", (2,)),
        ("x.pop('b')", (2,)),
        ("x.drop('b', axis=1, inplace=True)", (2,)),
        ("x.drop([3], inplace=True)", (3,)),
        ("x.dropna(inplace=True)", (3,)),
        ("x.columns = ['k', 'l', 'm', 'n']", (4,)),
        ("x.loc[x.a > 1, 'q'] = 1", (4,)),
        ("x['q'] = open('absent.txt').read()", (4,)),
        ("x['q'] = pd.to_datetime(x['a'])", (4,)),
        ("if df.a.max() > 3:\n    x = x.drop('a', axis=1)", (None,)),
        ("for name in df.columns:\n    x[name] = 0", (None,)),
    ],
)
async def test_changes(real: Host, changes: str, expected: Any) -> None:
    """A table that is changed in place has the columns that it then has."""
    start = f"{START}x = df[['a', 'b', 'c']].copy()\nname = str(df.a.max())\n"
    report = await ask(real, f"{start}{changes}\nmodel.predict(x)\n")
    assert not report.failures and shape(report.calls[0]) == expected


async def test_features_and_labels(real: Host) -> None:
    """Labels have as many rows as the features, whatever was done to both."""
    text = f"""{START}
X, y = df.iloc[:, :-1], df.iloc[:, -1]
X, X_test, y, y_test = train_test_split(X, y)
model.fit(StandardScaler().fit_transform(X), y, validation_data=(X_test, y_test))
model.evaluate(tf.data.Dataset.from_tensor_slices((X_test.values, y_test)).batch(4))
other = keras.Sequential([keras.layers.Dense(1)])
other.compile(loss="mse")
other.fit(np.zeros((50, 8)), df['y'])
"""
    report = await ask(real, text)
    assert [call.status for call in report.calls] == ["traced"] * 3 and not report.failures
    assert [shape(call, "y") for call in (report.calls[0], report.calls[2])] == [(), ()]


WINDOWS = """
data = MinMaxScaler().fit_transform(df[['open', 'close']])
steps = 30
def windows(data, steps):
    X, y = [], []
    for i in range(steps, len(data)):
        X.append(data[i - steps:i])
        y.append(data[i, 0])
    return np.array(X), np.array(y)
size = int(len(data) * 0.8)
X, y = windows(data[:size], steps)
frame = []
for i in range(len(df) - 12):
    frame.append(df[['a', 'b', 'c']].iloc[i:i + 12].values)
days = []
for i in range(df.shape[0] - 5):
    days.append(np.array(df.iloc[i:i + 5]['open']))
odd = []
for i in range(len(df)):
    odd.append(data[i:i * 2])
model.fit(X, y)
keras.Sequential([keras.layers.Flatten()]).predict(np.array(frame))
keras.Sequential([keras.layers.Flatten()]).predict(np.array(odd))
keras.Sequential([keras.layers.Flatten()]).predict(np.array(days))
"""


async def test_windows(real: Host) -> None:
    """Windows that a loop cuts have the length that their ends are apart."""
    report = await ask(real, START + WINDOWS)
    assert not report.failures
    assert [shape(call) for call in report.calls] == [(30, 2), (12, 3), (None, 2), (5,)]
    assert shape(report.calls[0], "y") == ()


async def test_a_scaler_that_learnt_from_it(real: Host) -> None:
    """What it would make of other arrays is not known, but has their shape; it counts as fitted."""
    text = f"""{START}
scaler = MinMaxScaler()
scaler.fit(df[['a', 'b']])
model.predict(scaler.transform(np.zeros((6, 2))))
model.predict(scaler.inverse_transform(np.zeros((4, 2))))
"""
    report = await ask(real, text)
    assert not report.failures and [shape(call) for call in report.calls] == [(2,), (2,)]


async def test_one_width_of_all_parts(real: Host) -> None:
    """What was learnt from one part gives the other as many columns, and a model that asks for a number of columns is
    given them."""
    text = f"""{START}
train, test = train_test_split(df)
columns = make_column_transformer((StandardScaler(), df.columns.drop("y")), (OneHotEncoder(), ["kind"]))
x_train = columns.fit_transform(train)
x_test = columns.transform(test)
names = columns.get_feature_names_out()
one = keras.Sequential([keras.Input((x_train.shape[1],)), keras.layers.Dense(1)])
one.compile(loss="mse")
one.fit(x_train, train["y"], validation_data=(x_test, test["y"]))
two = keras.Sequential([keras.Input((11,)), keras.layers.Dense(3, activation="softmax")])
two.compile(loss="categorical_crossentropy")
two.fit(df.drop("y", axis=1), pd.get_dummies(df["y"]))
two.fit(x_train, pd.get_dummies(train["y"]))
pipeline = make_pipeline(StandardScaler(), StandardScaler())
pipeline.fit(df[["a", "b"]])
keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]).predict(pipeline.transform(np.zeros((5, 2))))
"""
    report = await ask(real, text)
    assert not report.failures
    assert [call.status for call in report.calls] == ["traced", "traced", "unknown", "traced"]


async def test_labels_that_are_chosen(real: Host) -> None:
    """A choice of two numbers for each row is a row of numbers; a list of texts is nothing that is known."""
    text = f"""{START}
chosen = np.array([1 if kind == "spam" else 0 for kind in df["kind"]])
counted = np.array([len(text.split()) for text in df["text"]])
words = np.array([str(text).lower() for text in df["text"]])
halves = np.array([number / 2 for number in range(9) if number % 2])
pair = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
pair.predict(chosen)
"""
    report = await ask(real, text)
    found = {item.name: item for item in report.variables}
    assert found["halves"].tensors[0].shape == (4,)
    assert report.calls[-1].status == "failed" and shape(report.calls[-1]) == ()


async def test_what_may_be_texts_is_not_taken_for_numbers(real: Host) -> None:
    text = f"""{START}
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.words = keras.layers.TextVectorization(100)
        self.dense = keras.layers.Dense(1)
    def call(self, x):
        return self.dense(keras.ops.cast(self.words(x), "float32"))
class Lengths(keras.Model):
    def call(self, x):
        return tf.cast(tf.strings.length(x), tf.float32)
for kind in (Net, Lengths):
    one = kind()
    one.compile(loss="mse")
    one.fit(df[["text", "title"]].values, df["y"])
    one.fit(df["text"], df["y"])
lengths = keras.Sequential([keras.layers.Lambda(lambda words: tf.cast(tf.strings.length(words), tf.float32))])
lengths.compile(loss="mse")
lengths.fit(df["text"], df["y"])
"""
    report = await ask(real, text)
    assert not report.failures and {call.status for call in report.calls} == {"unknown"}


async def test_windows_that_keras_cuts(real: Host) -> None:
    text = f"""{START}
rows = np.array(df[["a", "b", "c"]], dtype="float32")
for part in (rows, df["a"]["2016":"2018"] / 1e6):
    windows = keras.utils.timeseries_dataset_from_array(part, None, sequence_length=12)
    print(next(iter(windows)).shape)
windows = keras.utils.timeseries_dataset_from_array(rows, targets=df["a"][12:], sequence_length=12, batch_size=4)
one = keras.Sequential([keras.Input((12, 3)), keras.layers.LSTM(4), keras.layers.Dense(1)])
one.compile(loss="mse")
one.fit(windows)
"""
    report = await ask(real, text)
    assert not report.failures and [call.status for call in report.calls] == ["traced"]
    assert [gap.span.line for gap in report.gaps] == [14] and shape(report.calls[0]) == (None, 3)


async def test_readers_by_their_own_names(real: Host) -> None:
    text = f"""{START}
model.predict(pd.read_parquet(path="absent.parquet")[["a", "b"]])
model.predict(pd.read_excel(io="absent.xlsx")[["a", "b"]])
model.predict(pd.read_csv(filepath_or_buffer="absent.csv", usecols=["a", "b"]))
"""
    report = await ask(real, text)
    assert [shape(call) for call in report.calls] == [(2,)] * 3


async def test_a_rank_is_certain(real: Host) -> None:
    """What no number of columns mends is a failure; what one may mend is none."""
    text = f"""{START}
one = keras.Sequential([keras.layers.LSTM(4), keras.layers.Dense(1)])
one.compile(loss="mse")
one.fit(df.drop('y', axis=1).values, df['y'])
two = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
two.predict(df.values)
two.predict(df[['a', 'b']].values)
"""
    report = await ask(real, text)
    assert [call.status for call in report.calls] == ["failed", "traced", "failed"]
    assert "expected ndim=3, found ndim=2" in report.failures[0].message
    assert "value 8, but received input with shape" in report.failures[1].message


async def test_an_author_who_waits_for_the_exception(real: Host) -> None:
    text = f"""{START}
try:
    x = pd.read_csv("other.csv")
except FileNotFoundError:
    x = np.zeros((5, 4))
model.predict(x)
"""
    report = await ask(real, text)
    assert shape(report.calls[0]) == (4,)


DIGITS = """
import keras
import pandas as pd
from sklearn.model_selection import train_test_split
train = pd.read_csv("train.csv")
y = train["label"]
X = train.drop(labels=["label"], axis=1) / 255.0
X = X.values.reshape(-1, 28, 28, 1)
y = keras.utils.to_categorical(y, num_classes=10)
X, X_val, y, y_val = train_test_split(X, y, test_size=0.1)
model = keras.Sequential([
    keras.layers.Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1)),
    keras.layers.Flatten(),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile(loss="sparse_categorical_crossentropy")
model.fit(X, y, validation_data=(X_val, y_val))
"""
PRICES = """
import keras
import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler
prices = pd.read_csv("prices.csv").iloc[:, 1:2].values
prices = MinMaxScaler().fit_transform(prices)
X, y = [], []
for i in range(60, len(prices)):
    X.append(prices[i - 60:i, 0])
    y.append(prices[i, 0])
X, y = np.array(X), np.array(y)
model = keras.Sequential([keras.layers.LSTM(8, return_sequences=True), keras.layers.LSTM(8), keras.layers.Dense(1)])
model.compile(loss="mse")
model.fit(X, y)
"""
FLOWERS = """
import keras
import pandas as pd
from sklearn.preprocessing import LabelEncoder, StandardScaler
flowers = pd.read_csv("flowers.csv")
X = StandardScaler().fit_transform(flowers[["a", "b", "c", "d"]])
y = LabelEncoder().fit_transform(flowers["kind"])
model = keras.Sequential([keras.layers.Dense(8, input_dim=5), keras.layers.Dense(3, activation="softmax")])
model.compile(loss="sparse_categorical_crossentropy")
model.fit(X, y)
"""
SIGNALS = """
import keras
import pandas as pd
from sklearn.model_selection import train_test_split
signals = pd.read_csv("signals.csv", header=None)
X, y = signals.iloc[:, :-1].values, signals.iloc[:, -1].values
X_train, X_test, y_train, y_test = train_test_split(X, y)
X_train = X_train.reshape(X_train.shape[0], 1, X_train.shape[1])
X_test = X_test.reshape(X_test.shape[0], 1, X_test.shape[1])
model = keras.Sequential()
model.add(keras.layers.Conv1D(8, kernel_size=5, input_shape=(X_train.shape[1], X_train.shape[2])))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(5, activation="softmax"))
model.compile(loss="sparse_categorical_crossentropy")
model.fit(X_train, y_train, validation_data=(X_test, y_test))
"""


async def test_sizes_asked_of_a_table_do_not_make_it_take_part(real: Host) -> None:
    """The repaired program, which asks the same, is silent."""
    columns = SIGNALS.replace(".shape[0], 1, X_train.shape[1]", ".shape[0], X_train.shape[1], 1")
    columns = columns.replace(".shape[0], 1, X_test.shape[1]", ".shape[0], X_test.shape[1], 1")
    found = await catalogue.findings(real, "columns", columns, tried=False)
    assert [item for item in found if item.severity in catalogue.LOUD] == []


@pytest.mark.parametrize(
    ("text", "line", "title"),
    [
        (DIGITS, "model.compile", "Use the loss `categorical_crossentropy`"),
        (PRICES, "X, y = np.array", "Reshape `X` to (-1, 60, 1)"),
        (FLOWERS, "input_dim=5", "Set `input_dim` to 4"),
        (SIGNALS, "X_train = X_train.reshape", "Make steps of the columns: `(rows, columns, 1)`"),
        (
            SIGNALS.replace("(X_train.shape[1], X_train.shape[2])", "(1, X_train.shape[2])"),
            "X_train = X_train.reshape",
            "Make steps of the columns: `(rows, columns, 1)`",
        ),
    ],
)
async def test_faults(real: Host, text: str, line: str, title: str) -> None:
    """Each really fails so where its table is there."""
    found = await catalogue.findings(real, "unread", text, tried=True)
    (error,) = [item for item in found if item.severity is Severity.ERROR]
    assert line in text.split("\n")[error.span.line - 1] and title in [fix.title for fix in error.fixes]


async def test_the_hover_tells_what_is_known(real: Host) -> None:
    text = f"{START}x = (df.values / 255).reshape(-1, 28, 28, 1)\n"
    snapshot = Snapshot("file:///tmp/unread.py", "/tmp/unread.py", 1, text)
    said = describe.hover(snapshot, await ask(real, text), text.count("\n"), 0)
    assert said is not None and "(None, 28, 28, 1)" in said.plain
    assert "what it holds is not known: the file absent.csv is not there (line 14)" in said.plain


LARGE = """
import keras
import pandas as pd
from sklearn.model_selection import train_test_split
X, y = pd.read_csv("large.csv"), pd.read_csv("small.csv")
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(loss="mse")
model.fit(X.values, y["y"].values)
model.fit(X.values[:20_000], y["y"][:20_000])
model.evaluate(X.iloc[15_000:], y["y"].values[15_000:])
X["y"] = y["y"].values
model.fit(X, X["y"])
X = X.drop(columns=["y"])
X, X_test, y, y_test = train_test_split(X, y["y"], test_size=0.25, stratify=y["y"])
model.fit(X, y, validation_data=(X_test, y_test))
texts = pd.read_csv("texts.csv")
model.fit(texts[["a", "b"]].values, y)
"""


async def test_a_large_table_is_read_by_its_first_rows(tmp_path: Path) -> None:
    """How many rows it has is not known, so that they fit those of another file; its columns are."""
    row = ",".join(["0.123456789"] * 20)
    (tmp_path / "large.csv").write_text(",".join(f"c{i}" for i in range(20)) + "\n" + f"{row}\n" * 40_000)
    (tmp_path / "texts.csv").write_text("a,b\n" + f"3,{'word ' * 40}\n" * 50_000)
    (tmp_path / "small.csv").write_text("y\n" + "1\n" * 40_000)
    path = str(tmp_path / "train.py")
    tables = [str(table) for table in tmp_path.glob("*.csv")]
    probe = plan.plan(Snapshot(Path(path).as_uri(), path, 1, LARGE), readable=tables, seconds=60)
    host = Host(sys.executable, workspace=(str(tmp_path),))
    await host.start()
    try:
        report = await witnesses.ask(probe, host.ask)
    finally:
        await host.stop()
    assert [call.status for call in report.calls] == ["traced", "traced", "traced", "failed", "traced", "unknown"]
    assert [shape(call) for call in report.calls] == [(20,), (20,), (20,), (21,), (20,), None]
    assert report.gaps[0].reason == "a dry run reads only the first rows of large.csv, which is large"
    assert "expected axis -1 of input shape to have value 20" in report.failures[0].message
