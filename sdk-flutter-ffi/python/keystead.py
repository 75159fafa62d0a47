"""Keystead from Python over its C ABI: ctypes, no dependency.

Every function of include/keystead.h is a method without its prefix: texts are str, bytes are bytes, results are returned
(several as a tuple), handles are freed by themselves, errors are raised. Calls of the network wait for their callback.

    keystead = Keystead("libkeystead_ffi.so", "include/keystead.h")
    body = keystead.prepare_register("alice", "password")
"""

import ctypes
import json
import re
import threading

SERVER = 10_000
_SCALARS = {
    "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t,
    "bool": ctypes.c_bool,
}
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
_OF_CALLBACK = {"session": "session", "second_factor": "pending", "group": "net_group"}


class KeysteadError(Exception):
    """`number` as the header has it; `server_code` is the server's own number, when it was the server who refused."""

    def __init__(self, number, text):
        super().__init__(f"{number}: {text}")
        self.number = number
        self.status = json.loads(text)["status"] if text else None
        self.server_code = number - SERVER if number >= SERVER else None


class Handle:
    """Something of the library's. Freed with this object, or by `close`."""

    def __init__(self, pointer, free):
        self.pointer, self._free = pointer, free

    def close(self):
        if self.pointer:
            self._free(self.pointer)
            self.pointer = None

    def __del__(self):
        self.close()


class Keystead:
    """The library. One object may be used by several threads."""

    def __init__(self, library, header):
        self._c = ctypes.CDLL(library)
        self._c.keystead_last_error.restype = ctypes.c_char_p
        with open(header, encoding="utf-8") as file:
            self._functions = dict(_functions(file.read()))

    def __getattr__(self, name):
        parameters = self.__dict__.get("_functions", {}).get(name)
        if parameters is None:
            raise AttributeError(name)
        function = getattr(self._c, f"keystead_{name}")
        function.restype = ctypes.c_int32
        network = any(kind == "KeysteadCallback" for kind, _ in parameters)
        return lambda *args: (self._wait if network else self._call)(name, function, parameters, list(args))

    def _call(self, name, function, parameters, args):
        given, results = [], []
        kinds = iter(parameters)
        for kind, _ in kinds:
            if kind in ("char**", "uint8_t**") or (kind.endswith("*") and kind[:-1] in _SCALARS):
                slot = (ctypes.c_void_p if kind.endswith("**") else _SCALARS[kind[:-1]])()
                given.append(ctypes.byref(slot))
                length = None
                if kind == "uint8_t**":
                    next(kinds)
                    length = ctypes.c_size_t()
                    given.append(ctypes.byref(length))
                results.append((kind, slot, length))
            elif kind.endswith("**"):
                slot = ctypes.c_void_p()
                given.append(ctypes.byref(slot))
                results.append((kind, slot, None))
            else:
                given.extend(_argument(kind, args.pop(0)))
                if kind == "uint8_t*":
                    next(kinds)
        assert not args, f"{name} takes fewer arguments"
        self._check(function(*given))
        values = [self._result(*result) for result in results]
        return values[0] if len(values) == 1 else tuple(values) or None

    def _wait(self, name, function, parameters, args):
        given, done, answer = [], threading.Event(), []

        @_CALLBACK
        def callback(_context, number, text, handle):
            answer.extend((number, self._text(text), handle))
            done.set()

        for kind, _ in parameters:
            if kind == "KeysteadCallback":
                given.append(callback)
            elif kind == "void*":
                given.append(None)
            else:
                given.extend(_argument(kind, args.pop(0)))
        self._check(function(*given))
        done.wait()
        number, text, handle = answer
        if number:
            raise KeysteadError(number, text)
        return self._handle(_OF_CALLBACK[text], handle) if handle else text

    def _check(self, number):
        if number:
            raise KeysteadError(number, self._c.keystead_last_error().decode())

    def _result(self, kind, slot, length):
        if kind == "char**":
            return self._text(slot.value)
        if kind == "uint8_t**":
            value = ctypes.string_at(slot.value, length.value)
            self._c.keystead_bytes_free(slot, length)
            return value
        if kind.endswith("**"):
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind[len("Keystead"):-2]).lower()
            return self._handle(name, slot.value) if slot.value else None
        return slot.value

    def _handle(self, name, pointer):
        free = getattr(self._c, f"keystead_{name}_free")
        free.restype, free.argtypes = None, [ctypes.c_void_p]
        return Handle(pointer, free)

    def _text(self, pointer):
        if not pointer:
            return None
        value = ctypes.string_at(pointer).decode()
        self._c.keystead_string_free(ctypes.c_void_p(pointer))
        return value


def _argument(kind, value):
    if kind == "char*":
        return [None if value is None else ctypes.c_char_p(value.encode())]
    if kind == "uint8_t*":
        return [ctypes.c_char_p(value), ctypes.c_size_t(len(value))] if value else [None, ctypes.c_size_t(0)]
    if kind in _SCALARS:
        return [_SCALARS[kind](value)]
    return [ctypes.c_void_p(value.pointer if value is not None else None)]


def _functions(header):
    """Name and parameters, as (type without const and spaces, name), of every function that gives an error number."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/|#[^\n]*", "", header, flags=re.S)
    for name, parameters in re.findall(r"int32_t\s+keystead_(\w+)\(([^)]*)\)\s*;", code):
        found = []
        for parameter in filter(None, (p.strip() for p in parameters.split(","))):
            if parameter != "void":
                kind, own = re.fullmatch(r"(.*?)(\w+)", parameter, flags=re.S).groups()
                found.append((re.sub(r"\b(const|struct)\b|\s", "", kind), own))
        yield name, found
