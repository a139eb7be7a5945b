"""Reads what a model file holds: for looking at what the converter wrote.  Version 3 only, and only
well-formed files: the library is the strict reader."""
import mmap
import struct

import numpy

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q",
            11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LENGTH = struct.Struct("<Q")
_F32, _F16, _BF16 = 0, 1, 30


class GgufFile:
    """keys: {name: value}, of arrays of strings the places; names: of the tensors; tensor(name): a
    float32 array; raw(name): bytes; place(name): a tensor's type and first byte."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        magic, version, tensors, keys = self._take("<4sIQQ")
        if magic != b"GGUF" or version != 3:
            raise ValueError("%s is not GGUF version 3" % path)
        self.keys, self._tensors = {}, {}
        for _ in range(keys):
            name = self._string()
            self.keys[name] = self._value(self._take("<I")[0])
        for _ in range(tensors):
            name, dimensions = self._string(), self._take("<I")[0]
            shape = self._take("<%dQ" % dimensions)[::-1]
            self._tensors[name] = (shape, *self._take("<IQ"))
        alignment = self.keys.get("general.alignment", 32)
        self._start = -(-self._at // alignment) * alignment
        self.names = sorted(self._tensors)

    def _take(self, form):
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values

    def _string(self):
        size = self._take("<Q")[0]
        self._at += size
        return self._data[self._at - size:self._at].decode("utf-8")

    def _strings(self, count):
        """Where they are; a vocabulary is a hundred thousand strings, and rarely looked at."""
        data, at, places = self._data, self._at, []
        for _ in range(count):
            size, = _LENGTH.unpack_from(data, at)
            places.append((at + 8, at + 8 + size))
            at += 8 + size
        self._at = at
        return places

    def _value(self, kind):
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            kind, count = self._take("<IQ")
            if kind == _STRING:
                return self._strings(count)
            return [self._value(kind) for _ in range(count)]
        return self._take(_SCALARS[kind])[0]

    def raw(self, name):
        shape, kind, offset = self._tensors[name]
        size = int(numpy.prod(shape)) * {_F32: 4, _F16: 2, _BF16: 2}[kind]
        return self._data[self._start + offset:self._start + offset + size]

    def place(self, name):
        _, kind, offset = self._tensors[name]
        return kind, self._start + offset

    def tensor(self, name):
        shape, kind, _ = self._tensors[name]
        raw = self.raw(name)
        if kind == _BF16:
            values = (numpy.frombuffer(raw, "<u2").astype(numpy.uint32) << 16).view(numpy.float32)
        else:
            values = numpy.frombuffer(raw, "<f4" if kind == _F32 else "<f2")
        return values.reshape(shape).astype(numpy.float32)

    def type_of(self, name):
        return {_F32: "f32", _F16: "f16", _BF16: "bf16"}[self._tensors[name][1]]

    def differences(self, other):
        """Names of the tensors that are not in both, or not the same to the bit."""
        return sorted(name for name in {*self.names, *other.names}
                      if name not in self._tensors or name not in other._tensors
                      or self._tensors[name][:2] != other._tensors[name][:2]
                      or self.raw(name) != other.raw(name))
