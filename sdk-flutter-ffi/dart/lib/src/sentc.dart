import 'dart:convert';
import 'dart:ffi';
import 'dart:io';

import 'package:ffi/ffi.dart';

import 'bindings.dart';
import 'native.dart';
import 'user.dart';

/// How an expired JWT is renewed.
enum RefreshOption {
  /// By your endpoint, which keeps the refresh token in a cookie.
  cookie,

  /// By your function.
  cookieFn,

  /// By the library, with the refresh token of the login.
  api,
}

/// Refresh strategy: [endpointUrl] with [RefreshOption.cookie], [endpointFn] with [RefreshOption.cookieFn].
final class RefreshOptions {
  const RefreshOptions({this.endpoint = RefreshOption.api, this.endpointUrl, this.endpointFn});

  final RefreshOption endpoint;

  /// Is called by PUT with the old JWT as bearer token; answers as `PUT /api/v1/refresh` does.
  final String? endpointUrl;

  /// Gets the old JWT and gives the new one.
  final Future<String> Function(String oldJwt)? endpointFn;

  /// The new JWT, or null when the library has to refresh.
  Future<String?> refresh(Native native, String oldJwt) async {
    switch (endpoint) {
      case RefreshOption.api:
        return null;
      case RefreshOption.cookieFn:
        return endpointFn!(oldJwt);
      case RefreshOption.cookie:
        final client = HttpClient();
        try {
          final request = await client.putUrl(Uri.parse(endpointUrl!));
          request.headers.set(HttpHeaders.authorizationHeader, 'Bearer $oldJwt');
          final answer = await (await request.close()).transform(utf8.decoder).join();
          final read = native.text((arena, out) => native.bindings.doneRefresh(answer.on(arena), out));
          return (jsonDecode(read) as Map<String, Object?>)['jwt']! as String;
        } finally {
          client.close();
        }
    }
  }
}

/// What a login gives: the user, or a second factor to answer.
typedef LoginResult = ({User? user, PendingLogin? pending});

/// The client.
abstract final class Sentc {
  static Native? _native;
  static Pointer<KeysteadClient> _client = nullptr;
  static RefreshOptions _refresh = const RefreshOptions();

  /// Where the server is when [init] says nothing else: `keystead serve` on this machine.
  static const defaultBaseUrl = 'http://127.0.0.1:8090';

  /// Begins. [libraryPath]: where the native library is, if not where the system looks. [pins]: what [exportPins] gave.
  static Future<void> init({
    required String appToken,
    String baseUrl = defaultBaseUrl,
    RefreshOptions refreshOptions = const RefreshOptions(),
    String? libraryPath,
    String? pins,
  }) async {
    close();
    final native = _native ??= Native.open(libraryPath);
    _refresh = refreshOptions;
    _client = native.handle<KeysteadClient>(
        (arena, out) => native.bindings.clientNew(baseUrl.on(arena), appToken.on(arena), out));
    if (pins != null) {
      using((arena) => native.check(native.bindings.clientImportPins(_client, pins.on(arena))));
    }
  }

  /// Ends. What still runs fails with number -3.
  static void close() {
    if (_client != nullptr) _need.bindings.clientFree(_client);
    _client = nullptr;
  }

  /// What was seen of other users, to be kept on the device and given to [init].
  static String exportPins() => _need.text((arena, out) => _need.bindings.clientExportPins(_client, out));

  /// Identifier and password for a device that no person types in.
  static (String, String) generateRegisterData() => using((arena) {
        final name = arena<Pointer<Utf8>>();
        final password = arena<Pointer<Utf8>>();
        _need.check(_need.bindings.generateUserRegisterData(name, password));
        return (_need.take(name.value)!, _need.take(password.value)!);
      });

  /// Body of `POST /api/v1/register`, for your own backend.
  static Future<String> prepareRegister(String identifier, String password) async => _need.text(
      (arena, out) => _need.bindings.prepareRegister(identifier.on(arena), password.on(arena), out));

  /// Reads what the server answered to your backend: the user's id.
  static Future<String> doneRegister(String serverOutput) async =>
      _need.text((arena, out) => _need.bindings.doneRegister(serverOutput.on(arena), out));

  /// Body of `POST /api/v1/user/prepare_register_device`, for your own backend.
  static Future<String> prepareRegisterDeviceStart(String identifier, String password) async => _need.text(
      (arena, out) => _need.bindings.prepareRegisterDeviceStart(identifier.on(arena), password.on(arena), out));

  /// Checks what the server answered.
  static Future<String> doneRegisterDeviceStart(String serverOutput) async =>
      _need.text((arena, out) => _need.bindings.doneRegisterDeviceStart(serverOutput.on(arena), out));

  /// True when the identifier is free.
  static Future<bool> checkUserIdentifierAvailable(String identifier) async => await _text((arena, callback, context) =>
          _need.bindings.clientCheckIdentifier(_client, identifier.on(arena), callback, context)) ==
      'true';

  /// Registers a user: his id.
  static Future<String> register(String identifier, String password) async =>
      (await _text((arena, callback, context) => _need.bindings
          .clientRegister(_client, identifier.on(arena), password.on(arena), callback, context)))!;

  /// Registers this device for a user who is logged in elsewhere: the text for [User.registerDevice].
  static Future<String> registerDeviceStart(String identifier, String password) async =>
      (await _text((arena, callback, context) => _need.bindings
          .clientRegisterDeviceStart(_client, identifier.on(arena), password.on(arena), callback, context)))!;

  /// Logs in a user without a second factor. Throws a [StateError] when he has one: [beginLogin].
  static Future<User> login(String identifier, String password) async {
    final result = await beginLogin(identifier, password);
    return result.user ?? (throw StateError('a second factor is needed: use beginLogin'));
  }

  /// Logs in.
  static Future<LoginResult> beginLogin(String identifier, String password) async {
    final native = _need;
    final reply = await using((arena) => native.network((callback, context) => native.bindings
        .clientLogin(_client, identifier.on(arena), password.on(arena), callback, context)));
    return reply.text == 'session'
        ? (user: User(native, reply.handle.cast(), _refresh), pending: null)
        : (user: null, pending: PendingLogin(native, reply.handle.cast(), _refresh));
  }

  static Future<String?> _text(
      int Function(Arena, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>) start) async {
    final reply = await using((arena) => _need.network((callback, context) => start(arena, callback, context)));
    return reply.text;
  }

  static Native get _need => _native ?? (throw StateError('Sentc.init was not called'));
}

/// A login that wants its second factor.
final class PendingLogin implements Finalizable {
  PendingLogin(this._native, this._handle, this._refresh) {
    _native.finalizer('keystead_pending_free').attach(this, _handle.cast());
  }

  final Native _native;
  final Pointer<KeysteadPending> _handle;
  final RefreshOptions _refresh;

  /// Answers with a code.
  Future<User> mfaLogin(String code) => _answer(code, _native.bindings.pendingMfaLogin);

  /// Answers with a recovery key.
  Future<User> mfaRecoveryLogin(String key) => _answer(key, _native.bindings.pendingMfaRecoveryLogin);

  Future<User> _answer(
      String token,
      int Function(
              Pointer<KeysteadPending>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)
          call) async {
    final reply = await using(
        (arena) => _native.network((callback, context) => call(_handle, token.on(arena), callback, context)));
    return User(_native, reply.handle.cast(), _refresh);
  }
}
