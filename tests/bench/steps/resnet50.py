import keras
import numpy as np

x = np.zeros((128, 224, 224, 3), "float32")
y = np.zeros((128, 1000), "float32")
model = keras.applications.ResNet50(weights=None)
model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "categorical_crossentropy", jit_compile=False)
model.fit(x, y, batch_size=8)
