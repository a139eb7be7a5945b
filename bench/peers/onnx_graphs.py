"""The random towers as ONNX graphs: what an exporter would write, with the choices that ONNX Runtime
can fuse (LayerNormalization as one node, QuickGELU as x * sigmoid(1.702 x), BatchNorm folded, query
of the attention pool for token 0 alone).

    vit_graph(tower)                 f32
    vit_graph(tower, int8=True)      every product with weights as DynamicQuantizeLinear and
                                     MatMulInteger, weights by the column: what ONNX Runtime's
                                     quantize_dynamic(per_channel=True) makes of the graph above
    resnet_graph(tower)              f32

Input "image": (batch, 3, height, width), normalised.  Output "feature": (batch, embed), of unit
length.
"""
import numpy
from onnx import TensorProto, checker, helper, numpy_helper

OPSET = 17  # the first with LayerNormalization
HEAD = 64


def array(tensor):
    return numpy.ascontiguousarray(tensor.detach().numpy())


class Graph:
    """Nodes in order, each output named after its place; weights beside them."""

    def __init__(self, int8=False):
        self.int8, self.nodes, self.weights, self.quantised = int8, [], [], {}

    def constant(self, value, name=None):
        name = name or "constant%d" % len(self.weights)
        self.weights.append(numpy_helper.from_array(numpy.asarray(value), name))
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = ["%s%d_%d" % (kind, len(self.nodes), i) for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def shaped(self, x, *sides):
        return self.op("Reshape", x, self.constant(numpy.array(sides, numpy.int64)))

    def linear(self, x, weight, bias=None):
        """x times a matrix (inputs, outputs), plus bias."""
        if self.int8:
            product = self.integer_product(x, weight)
        else:
            product = self.op("MatMul", x, self.constant(weight))
        return product if bias is None else self.op("Add", product, self.constant(bias))

    def integer_product(self, x, weight):
        if x not in self.quantised:
            self.quantised[x] = self.op("DynamicQuantizeLinear", x, outputs=3)
        x_int, x_scale, x_zero = self.quantised[x]
        # Symmetric, as the tool does for QInt8: the largest magnitude of a column becomes 127.
        scale = (numpy.abs(weight).max(axis=0) / 127).astype(numpy.float32)
        whole = numpy.clip(numpy.rint(weight / scale), -127, 127).astype(numpy.int8)
        zero = self.constant(numpy.zeros(weight.shape[1], numpy.int8))
        product = self.op("MatMulInteger", x_int, self.constant(whole), x_zero, zero)
        both = self.op("Mul", x_scale, self.constant(scale))
        return self.op("Mul", self.op("Cast", product, to=TensorProto.FLOAT), both)

    def layernorm(self, x, norm):
        return self.op("LayerNormalization", x, self.constant(array(norm.weight)),
                       self.constant(array(norm.bias)), axis=-1, epsilon=norm.eps)

    def conv(self, x, weight, bias=None, **attributes):
        names = [self.constant(array(weight))] + ([self.constant(array(bias))]
                                                  if bias is not None else [])
        return self.op("Conv", x, *names, kernel_shape=list(weight.shape[2:]), **attributes)

    def finish(self, feature, embed):
        norm = self.op("ReduceL2", feature, axes=[-1], keepdims=1)
        self.nodes.append(helper.make_node("Div", [feature, norm], ["feature"]))
        floats = TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes, "tower",
            [helper.make_tensor_value_info("image", floats, ["batch", 3, "height", "width"])],
            [helper.make_tensor_value_info("feature", floats, ["batch", embed])], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        checker.check_model(model)
        return model


def heads(graph, x, tokens, count):
    """(batch * tokens, width) -> (batch, heads, tokens, HEAD)"""
    return graph.op("Transpose", graph.shaped(x, -1, tokens, count, HEAD), perm=[0, 2, 1, 3])


def attend(graph, query, keys, value, scale=HEAD ** -0.5):
    """All (batch, heads, tokens, HEAD), but keys (batch, heads, HEAD, tokens)."""
    logits = graph.op("Mul", graph.op("MatMul", query, keys),
                      graph.constant(numpy.float32(scale)))
    mixed = graph.op("MatMul", graph.op("Softmax", logits, axis=-1), value)
    return graph.op("Transpose", mixed, perm=[0, 2, 1, 3])


def vit_block(graph, x, block, tokens):
    width = block.ln_1.weight.numel()
    count = width // HEAD
    y = graph.layernorm(x, block.ln_1)
    y = graph.linear(y, array(block.attn.in_proj_weight.t()), array(block.attn.in_proj_bias))
    y = graph.shaped(y, -1, tokens, 3, count, HEAD)
    query, keys, value = (
        graph.op("Squeeze", part, graph.constant(numpy.array([2], numpy.int64)))
        for part in graph.op("Split", y, graph.constant(numpy.array([1, 1, 1], numpy.int64)),
                             outputs=3, axis=2))
    mixed = attend(graph, graph.op("Transpose", query, perm=[0, 2, 1, 3]),
                   graph.op("Transpose", keys, perm=[0, 2, 3, 1]),
                   graph.op("Transpose", value, perm=[0, 2, 1, 3]))
    y = graph.shaped(mixed, -1, tokens, width)
    out = block.attn.out_proj
    x = graph.op("Add", x, graph.linear(y, array(out.weight.t()), array(out.bias)))
    y = graph.layernorm(x, block.ln_2)
    mlp = block.mlp
    y = graph.linear(y, array(mlp.c_fc.weight.t()), array(mlp.c_fc.bias))
    gate = graph.op("Sigmoid", graph.op("Mul", y, graph.constant(numpy.float32(1.702))))
    y = graph.linear(graph.op("Mul", y, gate), array(mlp.c_proj.weight.t()),
                     array(mlp.c_proj.bias))
    return graph.op("Add", x, y)


def vit_graph(tower, int8=False):
    """At the tower's own resolution.  Positions are not added: the profile has none."""
    graph = Graph(int8)
    width = tower.class_embedding.numel()
    patches = (tower.resolution // tower.patch) ** 2
    x = graph.conv("image", tower.conv1.weight, strides=[tower.patch] * 2)
    x = graph.op("Transpose", graph.shaped(x, 0, width, patches), perm=[0, 2, 1])
    batch = graph.op("Shape", x, start=0, end=1)
    rest = graph.constant(numpy.array([1, width], numpy.int64))
    token = graph.op("Expand", graph.constant(array(tower.class_embedding).reshape(1, 1, width)),
                     graph.op("Concat", batch, rest, axis=0))
    x = graph.layernorm(graph.op("Concat", token, x, axis=1), tower.ln_pre)
    for block in tower.transformer.resblocks:
        x = vit_block(graph, x, block, 1 + patches)
    x = graph.op("Gather", x, graph.constant(numpy.int64(0)), axis=1)
    x = graph.linear(graph.layernorm(x, tower.ln_post), array(tower.proj))
    return graph.finish(x, tower.embed)


def bottleneck(graph, x, block):
    def pooled(x, pool):
        if not hasattr(pool, "kernel_size"):
            return x
        return graph.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])

    y = graph.op("Relu", graph.conv(x, block.conv1.weight, block.bn1.bias))
    y = graph.op("Relu", graph.conv(y, block.conv2.weight, block.bn2.bias, pads=[1] * 4))
    y = graph.conv(pooled(y, block.pool), block.conv3.weight, block.bn3.bias)
    if block.downsample is not None:
        pool, conv, norm = block.downsample
        x = graph.conv(pooled(x, pool), conv.weight, norm.bias)
    return graph.op("Relu", graph.op("Add", y, x))


def attention_pool(graph, x, pool):
    """Keys and values of every token, the query of the first."""
    channels = pool.q_proj.bias.numel()
    count = channels // HEAD
    x = graph.op("Transpose", graph.shaped(x, 0, channels, -1), perm=[0, 2, 1])
    mean = graph.op("ReduceMean", x, axes=[1], keepdims=1)
    x = graph.op("Concat", mean, x, axis=1)
    query, keys, value = (
        graph.shaped(graph.linear(tokens, array(layer.weight.t()), array(layer.bias)),
                     0, -1, count, HEAD)
        for tokens, layer in ((mean, pool.q_proj), (x, pool.k_proj), (x, pool.v_proj)))
    mixed = attend(graph, graph.op("Transpose", query, perm=[0, 2, 1, 3]),
                   graph.op("Transpose", keys, perm=[0, 2, 3, 1]),
                   graph.op("Transpose", value, perm=[0, 2, 1, 3]))
    return graph.linear(graph.shaped(mixed, -1, channels), array(pool.c_proj.weight.t()),
                        array(pool.c_proj.bias))


def resnet_graph(tower):
    """Of a tower whose BatchNorm is folded (random_weights.fold_batchnorm)."""
    graph = Graph()
    x = graph.conv("image", tower.conv1.weight, tower.bn1.bias, strides=[2, 2], pads=[1] * 4)
    for conv, norm in ((tower.conv2, tower.bn2), (tower.conv3, tower.bn3)):
        x = graph.conv(graph.op("Relu", x), conv.weight, norm.bias, pads=[1] * 4)
    x = graph.op("AveragePool", graph.op("Relu", x), kernel_shape=[2, 2], strides=[2, 2])
    for stage in (tower.layer1, tower.layer2, tower.layer3, tower.layer4):
        for block in stage:
            x = bottleneck(graph, x, block)
    return graph.finish(attention_pool(graph, x, tower.attnpool), tower.embed)
