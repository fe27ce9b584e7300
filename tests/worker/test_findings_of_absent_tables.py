"""Tables that are not there, around a model: what scikit-learn and pandas refuse whatever stands in them."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests.worker.faults import Fault, assert_silent, assert_told

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

TABLE = """
import keras
import numpy as np
import pandas as pd
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
table = pd.read_csv("beans.csv")
x = table[["area", "width", "round"]]
y = table["kind"]
def net_of(units, activation):
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation=activation)])
    net.compile("adam", "mse")
    return net
"""
SCORES = f"""{TABLE}
net = net_of(1, "sigmoid")
net.fit(x.values, y.values)
seen = net.predict(x.values)
print(classification_report(y, seen))
"""
SCORES_OF_MANY = f"""{TABLE}
kinds = keras.utils.to_categorical(y.values)
net = net_of(4, "softmax")
seen = net.predict(x.values)
print(confusion_matrix(kinds.argmax(axis=1), seen))
"""
A_COLUMN_OF_ROWS = f"""{TABLE}
seen = net_of(1, "sigmoid").predict(x.values)
answer = pd.DataFrame({{"bean": table["bean"], "kind": seen}})
"""
A_COLUMN_OF_SCORES = f"""{TABLE}
seen = net_of(4, "softmax").predict(x.values)
table["guess"] = seen
"""
FOLDS = f"""{TABLE}
for learn, test in KFold(3).split(x):
    net = net_of(1, "sigmoid")
    net.fit(x[learn], y.values[learn])
    net.evaluate(x[test], y.values[test])
"""
FOLDS_OF_A_TABLE = FOLDS.replace('pd.read_csv("beans.csv")', "pd.DataFrame(np.ones((9, 4)), columns=names)").replace(
    "table =", 'names = ["area", "width", "round", "kind"]\ntable ='
)
ONE_OF_FOUR = f"""{TABLE}
scaler = StandardScaler()
all_of_it = scaler.fit_transform(table[["area", "width", "round", "weight"]])
seen = net_of(1, "linear").predict(all_of_it[:, :3])
print(scaler.inverse_transform(seen))
"""
ONE_COLUMN = f"""{TABLE}
scaled = StandardScaler().fit_transform(table["area"])
"""
ONE_PICTURE = """
import keras
import numpy as np
import pandas as pd
table = pd.read_csv("letters.csv")
x = table.drop("letter", axis=1).values.reshape(-1, 8, 8, 1) / 16
net = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(26, activation="softmax")])
print(net.predict(x[3]).argmax())
"""
ONE_ROW = f"""{TABLE}
scaler = StandardScaler().fit(x)
bean = x.iloc[0]
print(scaler.transform(bean))
"""
LISTED = f"""{TABLE}
kinds = keras.utils.to_categorical(np.array(list(map(int, y))), 5)
net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(x.values, kinds)
"""
BATCHES = """
import os
import keras
import numpy as np
from keras.utils import PyDataset, img_to_array, load_img
class Masks(PyDataset):
    def __init__(self, names):
        super().__init__()
        self.names = names
    def __len__(self):
        return int(np.ceil(len(self.names) / 4))
    def __getitem__(self, place):
        names = self.names[4 * place : 4 * place + 4]
        x, y = np.zeros((len(names), 256, 256, 3)), np.zeros((len(names), 256, 256, 1))
        for number, name in enumerate(names):
            x[number] = img_to_array(load_img("pictures/" + name, target_size=(256, 256)))
            mask = img_to_array(load_img("masks/" + name, target_size=(256, 256)))
            y[number] = mask
        return x, y
net = keras.Sequential([keras.Input((256, 256, 3)), keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
names = os.listdir("pictures")
net.fit(Masks(names))
"""
WIDER_BATCHES = BATCHES.replace(
    'mask = img_to_array(load_img("masks/" + name, target_size=(256, 256)))',
    'mask = img_to_array(load_img("masks/" + name, target_size=(256, 256), color_mode="grayscale"))',
)
OLDER_PANDAS = f"""{TABLE}
every = table.append(pd.read_csv("more.csv"), ignore_index=True)
net_of(1, "linear").fit(every[["area", "width", "round"]].values, every["kind"].values)
"""
OLDER_NUMPY = f"""{TABLE}
net_of(1, "linear").fit(x.values.astype(np.float), y.values)
"""
ARRAY_AS_TABLE = f"""{TABLE}
scaled = StandardScaler().fit_transform(x)
net_of(1, "linear").predict(scaled.iloc[:5])
"""
CLASSES_OF_A_FOLDER = """
import keras
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from sklearn.metrics import classification_report
flow = ImageDataGenerator().flow_from_directory("birds", target_size=(32, 32), shuffle=False)
net = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")])
seen = net.predict(flow)
print(classification_report(np.argmax(flow.classes, axis=1), seen.argmax(axis=1)))
"""
SCORES_OF_A_FOLDER = CLASSES_OF_A_FOLDER.replace(
    "np.argmax(flow.classes, axis=1), seen.argmax(axis=1)", "flow.classes, seen"
)
LABELS_IN_ROWS = f"""{TABLE}
from sklearn.model_selection import StratifiedKFold
kinds = keras.utils.to_categorical(y)
for learn, test in StratifiedKFold(3).split(x, kinds):
    net_of(4, "softmax").fit(x.values[learn], kinds[learn])
"""
ASKED_FOR_ITS_CLASS = """
import numpy as np
import pandas as pd

def scaled(data):
    values = data if isinstance(data, np.ndarray) else data.to_numpy()
    return values / np.max(values, axis=0)

def column(data):
    return data.reshape(-1, 1) if isinstance(data, np.ndarray) else data.to_frame()

table = pd.read_csv("beans.csv", header=None)
x = scaled(np.hstack([table.values[::2, :], table.values[1::2, :2]]))
z = scaled(table)
y = column(table[3])
y = column(table[3].values)
assert isinstance(table, (pd.Series, pd.DataFrame)) and not isinstance(table[3], pd.DataFrame)
"""

FAULTS = [
    Fault(LABELS_IN_ROWS, "split(x, kinds)", "Give class numbers: `kinds.argmax(axis=1)`"),
    Fault(OLDER_PANDAS, "table.append", "Use `pd.concat`"),
    Fault(OLDER_NUMPY, "np.float", "Use `float`"),
    Fault(ARRAY_AS_TABLE, "scaled.iloc", "Leave out `.iloc`"),
    Fault(CLASSES_OF_A_FOLDER, "np.argmax(flow", "They are class numbers already: `flow.classes`"),
    Fault(SCORES_OF_A_FOLDER, "seen = ", "Make classes of it: `net.predict(flow).argmax(axis=1)`"),
    Fault(ONE_PICTURE, "net.predict", "Give a batch of one sample"),
    Fault(ONE_ROW, "scaler.transform", "Give a table of one row: `bean.to_frame().T`"),
    Fault(LISTED, "Dense(4", "Set `units` of Dense to 5"),
    Fault(BATCHES, "mask = ", 'Read it with `color_mode="grayscale"`'),
    Fault(WIDER_BATCHES.replace("Conv2D(1", "Conv2D(2"), "Conv2D(2", "Set `filters` of Conv2D to 1"),
    Fault(SCORES, "seen = ", "Make classes of it: `(net.predict(x.values) > 0.5).astype(int)`"),
    Fault(SCORES_OF_MANY, "confusion_matrix(", "Give class numbers: `seen.argmax(axis=1)`"),
    Fault(A_COLUMN_OF_ROWS, "answer = ", "Give one value for each row: `seen.ravel()`"),
    Fault(A_COLUMN_OF_SCORES, '["guess"]', "Give one value for each row: `seen.argmax(axis=1)`"),
    Fault(FOLDS, "net.fit(x[", "Choose rows by place: `x.iloc[…]`"),
    Fault(FOLDS_OF_A_TABLE, "net.fit(x[", "Choose rows by place: `x.iloc[…]`"),
    Fault(ONE_OF_FOUR, "net_of(1", 'Change 1 to 4 in `net_of(1, "linear")`'),
    Fault(ONE_COLUMN, "scaled = ", 'Give a table of one column: `table[["area"]]`'),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_what_is_refused_whatever_the_table_is_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


REPAIRED = [
    LABELS_IN_ROWS.replace("(x, kinds)", "(x, y)"),
    LABELS_IN_ROWS.replace("Stratified", ""),
    OLDER_PANDAS.replace('table.append(pd.read_csv("more.csv"),', 'pd.concat([table, pd.read_csv("more.csv")],'),
    OLDER_NUMPY.replace("np.float", "np.float32"),
    ARRAY_AS_TABLE.replace(".iloc", ""),
    ARRAY_AS_TABLE.replace("scaled = StandardScaler().fit_transform(x)", "scaled = np.round(x)"),
    CLASSES_OF_A_FOLDER.replace("np.argmax(flow.classes, axis=1)", "flow.classes"),
    ONE_PICTURE.replace("x[3]", "x[3:4]"),
    ONE_PICTURE.replace("x[3]", "x[3][None]"),
    ONE_PICTURE.replace("x[3]", "np.expand_dims(x[3], axis=0)"),
    ONE_PICTURE.replace("x[3]", "x[3].reshape(1, 8, 8, 1)"),
    ONE_PICTURE.replace("x[3]", "np.array([x[3]])"),
    ONE_ROW.replace("(bean)", "([bean])"),
    ONE_ROW.replace("iloc[0]", "iloc[[0]]"),
    LISTED.replace("Dense(4", "Dense(5"),
    WIDER_BATCHES,
    SCORES.replace("y, seen", "y, seen > 0.5"),
    SCORES.replace("y, seen", "y, seen.round()"),
    SCORES_OF_MANY.replace(", seen)", ", seen.argmax(axis=-1))"),
    A_COLUMN_OF_ROWS.replace(": seen}", ": seen[:, 0]}"),
    A_COLUMN_OF_SCORES.replace("net_of(4", "net_of(1"),
    A_COLUMN_OF_SCORES.replace("= seen", "= seen.max(axis=1)"),
    FOLDS.replace("x[", "x.iloc["),
    FOLDS.replace('"round"]]', '"round"]].values'),
    FOLDS.replace("x[learn], y.values[learn]", "x[y > 1], y[y > 1]").replace(
        "x[test], y.values[test]", "x[y < 1], y[y < 1]"
    ),
    ONE_OF_FOUR.replace('"round", "weight"', '"round"').replace("net_of(1", "net_of(3"),
    ONE_OF_FOUR.replace("print(scaler", "scaler = StandardScaler().fit(table[['area']])\nprint(scaler"),
    ASKED_FOR_ITS_CLASS,
    ONE_COLUMN.replace('["area"]', '[["area"]]'),
    ONE_COLUMN.replace('["area"]', '["area"].values.reshape(-1, 1)'),
]


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
