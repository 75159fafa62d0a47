// Between Dart values and the library: texts, bytes, results, callbacks, handles.

import 'dart:async';
import 'dart:ffi';
import 'dart:io';
import 'dart:typed_data';

import 'package:ffi/ffi.dart';

import 'bindings.dart';
import 'errors.dart';

/// What a call of the network gave.
typedef Reply = ({String? text, Pointer<Void> handle});

/// A call of the network before its callback and context are known.
typedef Start = int Function(Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>);

/// The loaded library.
final class Native {
  Native._(this.library) : bindings = Bindings(library);

  /// Opens the library: at [path], or by its usual name.
  factory Native.open([String? path]) {
    if (path != null) return Native._(DynamicLibrary.open(path));
    if (Platform.isIOS) return Native._(DynamicLibrary.process());
    if (Platform.isMacOS) return Native._(DynamicLibrary.open('libkeystead_ffi.dylib'));
    if (Platform.isWindows) return Native._(DynamicLibrary.open('keystead_ffi.dll'));
    return Native._(DynamicLibrary.open('libkeystead_ffi.so'));
  }

  final DynamicLibrary library;
  final Bindings bindings;

  // A finalizer works as long as it is reachable itself.
  final Map<String, NativeFinalizer> _finalizers = {};

  /// The finalizer that calls the free function [symbol].
  NativeFinalizer finalizer(String symbol) => _finalizers.putIfAbsent(
      symbol, () => NativeFinalizer(library.lookup<NativeFunction<Void Function(Pointer<Void>)>>(symbol)));

  /// Throws for a number that is not 0. Call it right after the call, on the same thread.
  void check(int number) {
    if (number != 0) throw KeysteadException(number, bindings.lastError().toDartString());
  }

  /// A call with one text as its result.
  String text(int Function(Arena arena, Pointer<Pointer<Utf8>> out) run) => textOrNull(run)!;

  /// A call whose text may be null.
  String? textOrNull(int Function(Arena arena, Pointer<Pointer<Utf8>> out) run) => using((arena) {
        final out = arena<Pointer<Utf8>>();
        check(run(arena, out));
        return take(out.value);
      });

  /// A call with bytes as its result.
  Uint8List bytes(int Function(Arena arena, Pointer<Pointer<Uint8>> out, Pointer<Size> length) run) => using((arena) {
        final out = arena<Pointer<Uint8>>();
        final length = arena<Size>();
        check(run(arena, out, length));
        final copy = Uint8List.fromList(out.value.asTypedList(length.value));
        bindings.bytesFree(out.value, length.value);
        return copy;
      });

  /// A call with a handle as its result.
  Pointer<T> handle<T extends Opaque>(int Function(Arena arena, Pointer<Pointer<T>> out) run) => using((arena) {
        final out = arena<Pointer<T>>();
        check(run(arena, out));
        return out.value;
      });

  /// A text of the library, which is given back.
  String? take(Pointer<Utf8> text) {
    if (text == nullptr) return null;
    final copy = text.toDartString();
    bindings.stringFree(text);
    return copy;
  }

  /// A call of the network: ends when the library calls back, from whichever thread.
  Future<Reply> network(Start start) {
    final done = Completer<Reply>();
    late final NativeCallable<KeysteadCallback> callback;
    callback = NativeCallable<KeysteadCallback>.listener(
      (Pointer<Void> context, int number, Pointer<Utf8> text, Pointer<Void> handle) {
        callback.close();
        final said = take(text);
        if (number == 0) {
          done.complete((text: said, handle: handle));
        } else {
          done.completeError(KeysteadException(number, said));
        }
      },
    );
    final number = start(callback.nativeFunction, nullptr);
    if (number != 0) {
      callback.close();
      check(number);
    }
    return done.future;
  }
}

/// A Dart text for one call; null stays null.
extension ToNative on String? {
  Pointer<Utf8> on(Arena arena) => this == null ? nullptr : this!.toNativeUtf8(allocator: arena);
}

/// Dart bytes for one call.
extension BytesToNative on Uint8List {
  Pointer<Uint8> on(Arena arena) {
    if (isEmpty) return nullptr;
    final memory = arena<Uint8>(length);
    memory.asTypedList(length).setAll(0, this);
    return memory;
  }
}
