import 'dart:convert';
import 'dart:ffi';
import 'dart:typed_data';

import 'package:ffi/ffi.dart';

import 'bindings.dart';
import 'native.dart';
import 'user.dart';

/// An opened group.
final class Group implements Finalizable {
  Group(this._native, this._user, this._handle) {
    _native.finalizer('keystead_net_group_free').attach(this, _handle.cast());
  }

  final Native _native;
  final User _user;
  final Pointer<KeysteadNetGroup> _handle;

  Bindings get _c => _native.bindings;

  /// The group's id.
  String get groupId => _withKeys((group) => _native.text((arena, out) => _c.groupId(group, out)));

  /// Encrypts a text. [aad] is bound to it and needed again; [sign]: this user signs.
  Future<String> encryptString(String plain, {String? aad, bool sign = false}) async => _withKeys((group) => _user
      .withKeys((user) => _native.text((arena, out) => _c.encryptString(
          group, nullptr, plain.on(arena), aad.on(arena), sign ? user : nullptr, out))));

  /// Decrypts a text. [verifyKey]: demands a signature of this key (JSON).
  Future<String> decryptString(String encrypted, {String? aad, String? verifyKey}) async =>
      _withKeys((group) => _native.text((arena, out) => _c.decryptString(
          group, nullptr, encrypted.on(arena), aad.on(arena), verifyKey.on(arena), out)));

  /// Decrypts a text and demands the signature of [userId], whose key is fetched.
  Future<String> decryptStringVerified(String encrypted, String userId) async =>
      (await _call((arena, callback, context) => _c.netGroupDecryptStringVerified(
              _handle, encrypted.on(arena), userId.on(arena), callback, context)))
          .text!;

  /// Encrypts bytes.
  Future<Uint8List> encrypt(Uint8List plain, {bool sign = false}) async => _withKeys((group) => _user.withKeys(
      (user) => _native.bytes((arena, out, length) => _c.encrypt(group, nullptr, plain.on(arena), plain.length,
          nullptr, 0, sign ? user : nullptr, out, length))));

  /// Decrypts bytes. [verifyKey]: demands a signature of this key (JSON).
  Future<Uint8List> decrypt(Uint8List encrypted, {String? verifyKey}) async =>
      _withKeys((group) => _native.bytes((arena, out, length) => _c.decrypt(group, nullptr, encrypted.on(arena),
          encrypted.length, nullptr, 0, verifyKey.on(arena), out, length)));

  /// Hashes of a text's prefixes (or of all of it) for a search at the server.
  List<String> createSearchRaw(String text, {bool full = false, int limit = 0}) => _withKeys((group) =>
      (jsonDecode(_native.text((arena, out) => _c.createSearchRaw(group, text.on(arena), full, limit, out)))
              as List<Object?>)
          .cast<String>());

  /// The hash to look for.
  String search(String text) =>
      _withKeys((group) => _native.text((arena, out) => _c.search(group, text.on(arena), out)));

  /// Seals a JSON value as an attribute of a record of the data API: text that opens in this place only.
  String sealValue(String namespace, String entityId, String attribute, Object? value) =>
      _withKeys((group) => _native.text((arena, out) => _c.sealValue(group, nullptr, namespace.on(arena),
          entityId.on(arena), attribute.on(arena), jsonEncode(value).on(arena), out)));

  /// Opens a sealed value in its place.
  Object? openValue(String namespace, String entityId, String attribute, String sealed) =>
      jsonDecode(_withKeys((group) => _native.text((arena, out) => _c.openValue(group, nullptr, namespace.on(arena),
          entityId.on(arena), attribute.on(arena), sealed.on(arena), out))));

  /// The token of a text, to be stored beside its sealed value and looked for.
  String searchValue(String namespace, String attribute, String text) =>
      _withKeys((group) => _native.text((arena, out) =>
          _c.searchValue(group, nullptr, namespace.on(arena), attribute.on(arena), text.on(arena), out)));

  /// Invites a user.
  Future<void> invite(String userId, {int? rank}) async {
    await _call((arena, callback, context) =>
        _c.netGroupInvite(_handle, userId.on(arena), rank ?? -1, callback, context));
  }

  /// Makes a user a member at once.
  Future<void> inviteAuto(String userId, {int? rank}) async {
    await _call((arena, callback, context) =>
        _c.netGroupInviteAuto(_handle, userId.on(arena), rank ?? -1, callback, context));
  }

  /// The members, first page.
  Future<List<Map<String, Object?>>> getMember() async {
    final reply = await _call((arena, callback, context) => _c.netGroupGetMembers(_handle, callback, context));
    return (jsonDecode(reply.text!) as List<Object?>).cast<Map<String, Object?>>();
  }

  /// Puts a member out.
  Future<void> kickUser(String userId) async {
    await _call((arena, callback, context) => _c.netGroupKick(_handle, userId.on(arena), callback, context));
  }

  /// Gives a member another rank.
  Future<void> updateRank(String userId, int rank) async {
    await _call((arena, callback, context) =>
        _c.netGroupChangeRank(_handle, userId.on(arena), rank, callback, context));
  }

  /// Leaves the group.
  Future<void> leave() async {
    await _call((arena, callback, context) => _c.netGroupLeave(_handle, callback, context));
  }

  /// Deletes the group.
  Future<void> deleteGroup() async {
    await _call((arena, callback, context) => _c.netGroupDelete(_handle, callback, context));
  }

  /// Gives the group a new key: its id.
  Future<String> keyRotation() async =>
      (await _call((arena, callback, context) => _c.netGroupKeyRotation(_handle, callback, context))).text!;

  /// Takes waiting keys: their number.
  Future<int> finishKeyRotation() async => int.parse(
      (await _call((arena, callback, context) => _c.netGroupFinishKeyRotation(_handle, callback, context))).text!);

  /// Makes a group below this one: its id.
  Future<String> createChildGroup() async =>
      (await _call((arena, callback, context) => _c.netGroupCreateChildGroup(_handle, callback, context))).text!;

  /// Opens a group below this one.
  Future<Group> getChildGroup(String groupId) async {
    final reply = await _call(
        (arena, callback, context) => _c.netGroupGetChildGroup(_handle, groupId.on(arena), callback, context));
    return Group(_native, _user, reply.handle.cast());
  }

  /// Encrypts the file at [path] and stores it for the group: its id.
  Future<String> createFile(String path, {String? name, bool sign = false}) async =>
      (await _call((arena, callback, context) => _c.netGroupCreateFile(
              _handle, path.on(arena), name.on(arena), sign, callback, context)))
          .text!;

  /// Writes a file of the group, decrypted, to [path]: its name.
  Future<String?> downloadFile(String fileId, String path, {String? signedBy}) async =>
      (await _call((arena, callback, context) => _c.netGroupDownloadFile(
              _handle, fileId.on(arena), path.on(arena), signedBy.on(arena), callback, context)))
          .text;

  /// Deletes a file of the group.
  Future<void> deleteFile(String fileId) async {
    await _call((arena, callback, context) => _c.netGroupDeleteFile(_handle, fileId.on(arena), callback, context));
  }

  T _withKeys<T>(T Function(Pointer<KeysteadGroup> group) work) {
    final group = _native.handle<KeysteadGroup>((arena, out) => _c.netGroupData(_handle, out));
    try {
      return work(group);
    } finally {
      _c.groupFree(group);
    }
  }

  Future<Reply> _call(
      int Function(Arena, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>) start) async {
    await _user.getJwt();
    return using((arena) => _native.network((callback, context) => start(arena, callback, context)));
  }
}
