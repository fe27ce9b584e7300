"""The entry of a project of three files."""

from data import load
from network import make_model

FEATURES = 10

x_train, y_train, x_test, y_test = load(FEATURES)
model = make_model(FEATURES)
model.fit(x_train, y_train, epochs=2, batch_size=20)
print(model.evaluate(x_test, y_test))
