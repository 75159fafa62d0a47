import 'dart:convert';
import 'dart:ffi';

import 'package:ffi/ffi.dart';

import 'bindings.dart';
import 'group.dart';
import 'native.dart';
import 'sentc.dart';

/// A logged-in user.
final class User implements Finalizable {
  User(this._native, this._handle, this._refresh) {
    _native.finalizer('keystead_session_free').attach(this, _handle.cast());
  }

  final Native _native;
  final Pointer<KeysteadSession> _handle;
  final RefreshOptions _refresh;

  Bindings get _c => _native.bindings;

  /// The user's id.
  String get userId => _withKeys((user) => _native.text((arena, out) => _c.userId(user, out)));

  /// The JWT.
  String get jwt => _native.text((arena, out) => _c.sessionJwt(_handle, out));

  /// The refresh token, for the cookie of your backend.
  String get refreshToken => _native.text((arena, out) => _c.sessionRefreshToken(_handle, out));

  /// The JWT, refreshed by the strategy of [Sentc.init] when it ends within 30 seconds.
  Future<String> getJwt() async {
    final old = jwt;
    final now = DateTime.now().millisecondsSinceEpoch ~/ 1000;
    final ends = using((arena) {
      final out = arena<Bool>();
      _native.check(_c.jwtNeedsRefresh(old.on(arena), now, out));
      return out.value;
    });
    if (!ends) return old;
    final fresh = await _refresh.refresh(_native, old);
    if (fresh == null) {
      await _native.network((callback, context) => _c.sessionRefreshJwt(_handle, callback, context));
    } else {
      using((arena) => _native.check(_c.sessionSetJwt(_handle, fresh.on(arena))));
    }
    return jwt;
  }

  /// Ends the session.
  Future<void> logOut() async {
    await _call((arena, callback, context) => _c.sessionLogout(_handle, callback, context));
  }

  /// Body of `POST /api/v1/group`, for your own backend.
  Future<String> prepareGroupCreate() async =>
      _withKeys((user) => _native.text((arena, out) => _c.prepareCreateGroup(user, true, out)));

  /// Makes a group: its id.
  Future<String> createGroup() async =>
      (await _call((arena, callback, context) => _c.sessionCreateGroup(_handle, callback, context))).text!;

  /// Opens a group.
  Future<Group> getGroup(String groupId) async {
    final reply =
        await _call((arena, callback, context) => _c.sessionGetGroup(_handle, groupId.on(arena), callback, context));
    return Group(_native, this, reply.handle.cast());
  }

  /// The user's groups, first page.
  Future<List<Map<String, Object?>>> getGroups() =>
      _list((arena, callback, context) => _c.sessionGetGroups(_handle, callback, context));

  /// Waiting invites, first page.
  Future<List<Map<String, Object?>>> getGroupInvites() =>
      _list((arena, callback, context) => _c.sessionGetGroupInvites(_handle, callback, context));

  /// Accepts an invite.
  Future<void> acceptGroupInvite(String groupId) async {
    await _call(
        (arena, callback, context) => _c.sessionAcceptGroupInvite(_handle, groupId.on(arena), callback, context));
  }

  /// Rejects an invite.
  Future<void> rejectGroupInvite(String groupId) async {
    await _call(
        (arena, callback, context) => _c.sessionRejectGroupInvite(_handle, groupId.on(arena), callback, context));
  }

  /// Asks to join a group.
  Future<void> groupJoinRequest(String groupId) async {
    await _call(
        (arena, callback, context) => _c.sessionGroupJoinRequest(_handle, groupId.on(arena), callback, context));
  }

  /// Lets a new device in, with the text it got.
  Future<void> registerDevice(String serverOutput) async {
    await _call(
        (arena, callback, context) => _c.sessionRegisterDevice(_handle, serverOutput.on(arena), callback, context));
  }

  /// Changes the password. [code]: of the second factor.
  Future<void> changePassword(String oldPassword, String newPassword, {String? code}) async {
    await _call((arena, callback, context) => _c.sessionChangePassword(
        _handle, oldPassword.on(arena), newPassword.on(arena), code.on(arena), callback, context));
  }

  /// Deletes the account. [code]: of the second factor.
  Future<void> deleteUser(String password, {String? code}) async {
    await _call((arena, callback, context) =>
        _c.sessionDeleteUser(_handle, password.on(arena), code.on(arena), callback, context));
  }

  /// Encrypts a text for one user.
  Future<String> encryptString(String plain, String userId, {bool sign = false}) async =>
      (await _call((arena, callback, context) => _c.sessionEncryptStringFor(
              _handle, userId.on(arena), plain.on(arena), sign, callback, context)))
          .text!;

  /// Opens a text that was encrypted for this user. [from]: demands that user's signature.
  Future<String> decryptString(String encrypted, {String? from}) async =>
      (await _call((arena, callback, context) => _c.sessionDecryptStringForMe(
              _handle, encrypted.on(arena), from.on(arena), callback, context)))
          .text!;

  /// Gives the user new keys: the newest one's id.
  Future<String> keyRotation() async =>
      (await _call((arena, callback, context) => _c.sessionKeyRotation(_handle, callback, context))).text!;

  /// Takes waiting keys: their number.
  Future<int> finishKeyRotation() async => int.parse(
      (await _call((arena, callback, context) => _c.sessionFinishKeyRotation(_handle, callback, context))).text!);

  /// Runs [work] with the user's keys of this moment.
  T withKeys<T>(T Function(Pointer<KeysteadUser> user) work) => _withKeys(work);

  T _withKeys<T>(T Function(Pointer<KeysteadUser> user) work) {
    final user = _native.handle<KeysteadUser>((arena, out) => _c.sessionUser(_handle, out));
    try {
      return work(user);
    } finally {
      _c.userFree(user);
    }
  }

  Future<Reply> _call(
      int Function(Arena, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>) start) async {
    await getJwt();
    return using((arena) => _native.network((callback, context) => start(arena, callback, context)));
  }

  Future<List<Map<String, Object?>>> _list(
      int Function(Arena, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>) start) async {
    final reply = await _call(start);
    return (jsonDecode(reply.text!) as List<Object?>).cast<Map<String, Object?>>();
  }
}
