import keras
import numpy as np

x = np.zeros((512, 160, 160, 3), "float32")
y = np.zeros((512,), "int32")
base = keras.applications.MobileNetV2((160, 160, 3), include_top=False, weights=None, pooling="avg")
model = keras.Sequential([base, keras.layers.Dropout(0.2), keras.layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
model.fit(x, y, batch_size=16)
