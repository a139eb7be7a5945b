"""The towers that learn, called from Python: tools/train/tower.h by ctypes.

Builds what tower.h needs of tools/train into a shared library of its own.
"""
import ctypes
import glob
import os
import subprocess

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Of tools/train: what towers consist of; the rest needs the whole program.
PARTS = ("tower", "crew", "rows", "products", "vit*", "resnet*", "convolution", "batch_norm",
         "normalise", "junction")
KINDS = {"resnet": 0, "vit": 1}
MESSAGE_SIZE = 512  # QC_MESSAGE_SIZE


class Shape(ctypes.Structure):
    """struct tower_shape"""
    _fields_ = [("kind", ctypes.c_int), ("width", ctypes.c_uint32), ("feature", ctypes.c_uint32),
                ("heads", ctypes.c_uint32), ("blocks", ctypes.c_uint32 * 4),
                ("layers", ctypes.c_uint32), ("patch", ctypes.c_uint32),
                ("exact_gelu", ctypes.c_bool), ("grid", ctypes.c_uint32),
                ("folded", ctypes.c_bool), ("patches_leave", ctypes.c_bool)]


class Parameter(ctypes.Structure):
    """struct tower_parameter"""
    _fields_ = [("name", ctypes.c_char_p), ("dimensions", ctypes.c_uint32),
                ("shape", ctypes.c_size_t * 4), ("count", ctypes.c_size_t),
                ("values", ctypes.POINTER(ctypes.c_float)),
                ("gradient", ctypes.POINTER(ctypes.c_float))]

    def view(self, pointer):
        shape = tuple(self.shape[:self.dimensions])
        return numpy.ctypeslib.as_array(pointer, shape) if pointer else None


class Operations(ctypes.Structure):
    """struct tower_operations"""
    _fields_ = [("forward", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p,
                                             ctypes.c_void_p, ctypes.c_bool)),
                ("backward", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)),
                ("destroy", ctypes.CFUNCTYPE(None, ctypes.c_void_p))]


class Tokens(ctypes.Structure):
    """struct tower_tokens"""
    _fields_ = [("of_an_image", ctypes.c_size_t), ("features", ctypes.POINTER(ctypes.c_float)),
                ("gradients", ctypes.POINTER(ctypes.c_float))]


class Head(ctypes.Structure):
    """struct tower"""
    _fields_ = [("operations", ctypes.POINTER(Operations)), ("shape", Shape),
                ("batch", ctypes.c_uint32), ("width", ctypes.c_uint32),
                ("height", ctypes.c_uint32), ("parameters", ctypes.POINTER(Parameter)),
                ("parameter_count", ctypes.c_size_t), ("peers", ctypes.c_void_p),
                ("tokens", Tokens)]


def build(directory):
    library = os.path.join(directory, "towers.so")
    sources = sorted(path for part in PARTS
                     for path in glob.glob(os.path.join(ROOT, "tools", "train", part + ".c")))
    includes = ["-I" + os.path.join(ROOT, name)
                for name in ("include", "lib", "kernels", "tools", "tools/train")]
    subprocess.run(["gcc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-DQUALICLIP_THREADS=1", "-O3",
                    "-ffp-contract=off", "-fno-math-errno", "-fopenmp-simd", "-Wno-psabi", "-pthread", "-shared",
                    "-fPIC", "-Wl,--no-undefined", *includes, "-o", library, *sources, "-ldnnl",
                    "-lgomp", "-lm"], check=True)
    return ctypes.CDLL(library)


class Tower:
    """shape: members of tower_shape; size: height, width of the images.

    values, gradients: arrays by CLIP's names (of what is only kept there is no gradient).  Where
    patches leave, features and their gradients are batch x tokens x feature, else batch x feature."""

    def __init__(self, library, kind, shape, batch, size, threads=1):
        members = dict(shape, kind=KINDS[kind])
        if "blocks" in shape:
            members["blocks"] = (ctypes.c_uint32 * 4)(*shape["blocks"])
        create = getattr(library, "tower_create_" + kind)
        create.restype = ctypes.POINTER(Head)
        message = ctypes.create_string_buffer(MESSAGE_SIZE)
        self._head = create(ctypes.byref(Shape(**members)), batch, size[1], size[0], threads,
                            message)
        if not self._head:
            raise ValueError(message.value.decode())
        head = self._head.contents
        self._operations = head.operations.contents
        self.batch, self.size, self.feature = batch, tuple(size), head.shape.feature
        self.tokens = head.tokens.of_an_image
        self.values, self.gradients = {}, {}
        for parameter in head.parameters[:head.parameter_count]:
            name = parameter.name.decode()
            self.values[name] = parameter.view(parameter.values)
            if parameter.gradient:
                self.gradients[name] = parameter.view(parameter.gradient)

    def load(self, state):
        """A module's state_dict; what the tower has no place for is left out."""
        for name, values in self.values.items():
            values[...] = state[name].detach().numpy()

    def forward(self, pixels, training=True):
        assert pixels.shape == (self.batch, 3) + self.size and pixels.dtype == numpy.float32
        features = numpy.empty((self.batch, self.feature), numpy.float32)
        self._operations.forward(self._head, numpy.ascontiguousarray(pixels).ctypes.data,
                                 features.ctypes.data, training)
        if not self.tokens:
            return features
        every = self._tokens(self._head.contents.tokens.features).copy()
        assert every[:, 0].tobytes() == features.tobytes()
        return every

    def _tokens(self, pointer):
        return numpy.ctypeslib.as_array(pointer, (self.batch, self.tokens, self.feature))

    def backward(self, feature_gradients):
        own = feature_gradients
        if self.tokens:
            self._tokens(self._head.contents.tokens.gradients)[:, 1:] = feature_gradients[:, 1:]
            own = feature_gradients[:, 0]
        assert own.shape == (self.batch, self.feature)
        changes = numpy.ascontiguousarray(own, numpy.float32)
        self._operations.backward(self._head, changes.ctypes.data)

    def close(self):
        if self._head:
            self._operations.destroy(self._head)
            self._head = None
            self.values, self.gradients = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.close()
