import 'dart:convert';

/// Why a call fails. Numbers are those of include/keystead.h and do not change.
final class KeysteadException implements Exception {
  KeysteadException(this.number, this._json);

  /// Number of the error.
  final int number;

  final String? _json;

  /// `server_101` for a refusal of the server, else `client_20` and the like.
  String get status => _field('status') ?? 'client_$number';

  /// What happened, in words.
  String get message => _field('error_message') ?? 'error $number';

  /// The server's own number, when it was the server who refused.
  int? get serverCode => number >= 10000 ? number - 10000 : null;

  String? _field(String name) {
    final text = _json;
    if (text == null || text.isEmpty) return null;
    return (jsonDecode(text) as Map<String, Object?>)[name] as String?;
  }

  @override
  String toString() => 'KeysteadException($status): $message';
}
