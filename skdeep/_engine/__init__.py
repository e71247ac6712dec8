"""How networks are trained and applied: all that runs graphs of TensorFlow.

What the rest of the package calls, and what another engine would have to offer; a test holds that nothing else of this
room is imported elsewhere. Shapes and dtypes are those of `skdeep._data.rows.Rows`, which gives an engine its batches:
X of (n, *row_shape), targets in the form that the head of the network encodes, weights of (n,), all as numpy arrays.

- ``program.Program(model, layers)``: a compiled Keras model made ready. ``predict(rows, convert)`` returns an array of
  (n_rows, ...), of what `convert` makes of outputs of (n, n_outputs), a chunk at a time; ``evaluate(rows, batch_size)``
  the metrics as a dict of floats, ``metric_names(rows)`` their names. ``get_values()`` and ``set_values(values)`` are
  all that training changes, as {"model": list of ndarray, "optimizer": list of ndarray or None};
  ``get_optimizer_values``, ``set_optimizer_values`` and ``reset_optimizer(learning_rate)`` are the part of the
  optimizer. ``copied()`` returns an independent program. ``watch()``, ``is_changed()`` and ``follow_changes()`` see
  what somebody outside does to `model`. `input_dtype` and `strategy` are what their names say.
  What `skdeep._training.trainer.train` needs of it is what `skdeep._training.array_program.ArrayProgram` has, too.
  ``train_by(recipe)`` lets NumPy train the model.
- ``trace_cache.CACHE`` and ``Lease``: who has which program. ``CACHE.lease(source)``, ``CACHE.spare(lease)``.
- ``last_layer.activation_of(model, row_shape)``: what makes the outputs of a model.
- ``class_maps.class_maps(model, layer, x, columns, signs)`` and ``class_maps.last_convolution(model)``: where a
  convolutional network looks.
- ``hooks.direction``: whether a metric is to rise, for callbacks.
- ``replicas.current_strategy``, ``replicas.check_scope`` and ``replicas.make_here``: training on several devices.
- ``onnx_graph.converted(compute, input_shape)``: an ONNX model; ``onnx_graph.drop_unused_domains(model)``.
"""
