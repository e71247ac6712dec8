"""
Which optimizer learns fastest?
===============================

Five optimizers train the same network on the digits, each with the step size that Keras gives it by default. All start
from the same weights and see the same batches.
"""

# %%
# Strings are names of Keras optimizers. What an optimizer takes beyond the learning rate goes by prefix.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skdeep import DNNClassifier, ScaleToUnit
from skdeep.plotting import plot_history

X, y = load_digits(return_X_y=True)
X = ScaleToUnit().fit_transform(X)
settings = {
    "adam": {"optimizer": "adam"},
    "rmsprop": {"optimizer": "rmsprop"},
    "sgd, momentum 0.9": {"optimizer": "sgd", "optimizer__momentum": 0.9},
    "sgd": {"optimizer": "sgd"},
    "adagrad": {"optimizer": "adagrad"},
}
classifiers = {
    name: DNNClassifier((64,), dropout=0, epochs=30, random_state=0, **parameters).fit(X, y)
    for name, parameters in settings.items()
}

# %%
# Training loss by epoch, on a logarithmic scale.

display = plot_history(classifiers, metric="loss")
display.ax_.set(yscale="log", title="Digits, one hidden layer of 64 units")
plt.show()

# %%
# Adam, RMSprop and gradient descent with momentum end close to each other: momentum is ahead in the first half, RMSprop
# at the end. Plain gradient descent and Adagrad are far behind, which says as much about these step sizes as
# about the methods. The order holds for these data and this network; ``learning_rate`` can be searched like any other
# parameter.
