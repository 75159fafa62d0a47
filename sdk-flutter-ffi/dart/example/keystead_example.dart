// From start to the first decrypt. `dart run example/keystead_example.dart URL PUBLIC_TOKEN`; the app has the preset `lax`.
// ignore_for_file: avoid_print

import 'package:keystead/keystead.dart';

Future<void> main(List<String> args) async {
  final [url, token, ...] = args;
  // doc: start
  await Sentc.init(appToken: token, baseUrl: url);
  // doc: end
  final (name, password) = Sentc.generateRegisterData();
  final (other, otherPassword) = Sentc.generateRegisterData();

  // doc: own backend
  final input = await Sentc.prepareRegister(name, password); // send it to your backend, which relays it
  final userId = await Sentc.doneRegister(await relay(input)); // with the answer that it got
  // doc: end
  print(userId);

  // doc: first decrypt
  final bobId = await Sentc.register(other, otherPassword);
  final alice = await Sentc.login(name, password);
  final group = await alice.getGroup(await alice.createGroup());
  await group.inviteAuto(bobId);
  final letter = await group.encryptString('hello bob', sign: true);

  final bob = await Sentc.login(other, otherPassword);
  final his = await bob.getGroup(group.groupId);
  final text = await his.decryptStringVerified(letter, alice.userId);
  // doc: end
  print(text);
  Sentc.close();
}

/// What your backend does, with the secret token: `POST /api/v1/register`.
Future<String> relay(String input) => throw UnimplementedError('your backend');

Future<void> strategies(String token, String url) async {
  // doc: refresh
  // By the library: the default.
  await Sentc.init(appToken: token, baseUrl: url, refreshOptions: const RefreshOptions(endpoint: RefreshOption.api));

  // By your endpoint, which has the refresh token in a cookie.
  await Sentc.init(
    appToken: token,
    baseUrl: url,
    refreshOptions: const RefreshOptions(endpoint: RefreshOption.cookie, endpointUrl: 'https://example.com/refresh'),
  );

  // By your function.
  await Sentc.init(
    appToken: token,
    baseUrl: url,
    refreshOptions: RefreshOptions(endpoint: RefreshOption.cookieFn, endpointFn: (oldJwt) => askBackend(oldJwt)),
  );
  // doc: end
}

Future<String> askBackend(String oldJwt) => throw UnimplementedError('your backend');
