// The look-ups in the native library. Each one is held against include/keystead.h by a test of the crate
// keystead-ffi (tests/dart.rs): symbol, number of arguments, native type and Dart type of each.

import 'dart:ffi';

import 'package:ffi/ffi.dart';

final class KeysteadUser extends Opaque {}
final class KeysteadLightUser extends Opaque {}
final class KeysteadLoginStart extends Opaque {}
final class KeysteadLogin extends Opaque {}
final class KeysteadChallenges extends Opaque {}
final class KeysteadPins extends Opaque {}
final class KeysteadPublicKey extends Opaque {}
final class KeysteadGroup extends Opaque {}
final class KeysteadKey extends Opaque {}
final class KeysteadClient extends Opaque {}
final class KeysteadSession extends Opaque {}
final class KeysteadPending extends Opaque {}
final class KeysteadNetGroup extends Opaque {}

/// What a call of the network calls back with: context, number of the error or 0, text, handle.
typedef KeysteadCallback = Void Function(Pointer<Void>, Int32, Pointer<Utf8>, Pointer<Void>);

/// All functions of the library.
final class Bindings {
  Bindings(DynamicLibrary library) : _library = library;

  final DynamicLibrary _library;

  late final lastError = _library.lookupFunction<
      Pointer<Utf8> Function(),
      Pointer<Utf8> Function()>('keystead_last_error');
  late final errorMessage = _library.lookupFunction<
      Pointer<Utf8> Function(Int32),
      Pointer<Utf8> Function(int)>('keystead_error_message');
  late final version = _library.lookupFunction<
      Pointer<Utf8> Function(),
      Pointer<Utf8> Function()>('keystead_version');
  late final stringFree = _library.lookupFunction<
      Void Function(Pointer<Utf8>),
      void Function(Pointer<Utf8>)>('keystead_string_free');
  late final bytesFree = _library.lookupFunction<
      Void Function(Pointer<Uint8>, Size),
      void Function(Pointer<Uint8>, int)>('keystead_bytes_free');
  late final userFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadUser>),
      void Function(Pointer<KeysteadUser>)>('keystead_user_free');
  late final lightUserFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadLightUser>),
      void Function(Pointer<KeysteadLightUser>)>('keystead_light_user_free');
  late final loginStartFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadLoginStart>),
      void Function(Pointer<KeysteadLoginStart>)>('keystead_login_start_free');
  late final loginFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadLogin>),
      void Function(Pointer<KeysteadLogin>)>('keystead_login_free');
  late final challengesFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadChallenges>),
      void Function(Pointer<KeysteadChallenges>)>('keystead_challenges_free');
  late final pinsFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadPins>),
      void Function(Pointer<KeysteadPins>)>('keystead_pins_free');
  late final publicKeyFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadPublicKey>),
      void Function(Pointer<KeysteadPublicKey>)>('keystead_public_key_free');
  late final groupFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadGroup>),
      void Function(Pointer<KeysteadGroup>)>('keystead_group_free');
  late final keyFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadKey>),
      void Function(Pointer<KeysteadKey>)>('keystead_key_free');
  late final clientFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadClient>),
      void Function(Pointer<KeysteadClient>)>('keystead_client_free');
  late final sessionFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadSession>),
      void Function(Pointer<KeysteadSession>)>('keystead_session_free');
  late final pendingFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadPending>),
      void Function(Pointer<KeysteadPending>)>('keystead_pending_free');
  late final netGroupFree = _library.lookupFunction<
      Void Function(Pointer<KeysteadNetGroup>),
      void Function(Pointer<KeysteadNetGroup>)>('keystead_net_group_free');
  late final prepareRegister = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register');
  late final prepareRegisterWith = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register_with');
  late final prepareRegisterLight = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register_light');
  late final doneRegister = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_register');
  late final generateUserRegisterData = _library.lookupFunction<
      Int32 Function(Pointer<Pointer<Utf8>>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Pointer<Utf8>>, Pointer<Pointer<Utf8>>)>('keystead_generate_user_register_data');
  late final prepareCheckIdentifier = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_check_identifier');
  late final doneCheckIdentifier = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Bool>),
      int Function(Pointer<Utf8>, Pointer<Bool>)>('keystead_done_check_identifier');
  late final prepareUserIdentifierUpdate = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_user_identifier_update');
  late final prepareRefresh = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_refresh');
  late final doneRefresh = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_refresh');
  late final prepareInit = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_init');
  late final doneInit = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_init');
  late final doneSuccess = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>),
      int Function(Pointer<Utf8>)>('keystead_done_success');
  late final prepareRegisterDeviceStart = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register_device_start');
  late final doneRegisterDeviceStart = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_register_device_start');
  late final prepareRegisterDevice = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Pointer<Utf8>>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Pointer<Utf8>>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register_device');
  late final prepareRegisterDeviceLight = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register_device_light');
  late final doneDeviceList = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_device_list');
  late final doneSessionList = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_session_list');
  late final doneRegisterOtp = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_register_otp');
  late final otpUrl = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_otp_url');
  late final prepareConfirmOtp = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_confirm_otp');
  late final doneOtpRecoveryKeys = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_otp_recovery_keys');
  late final prepareResetPassword = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_reset_password');
  late final prepareResetPasswordLight = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLightUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLightUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_reset_password_light');
  late final userId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_id');
  late final userGroupId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_group_id');
  late final userDeviceId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_device_id');
  late final userJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_jwt');
  late final userRefreshToken = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_refresh_token');
  late final userSetJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Utf8>),
      int Function(Pointer<KeysteadUser>, Pointer<Utf8>)>('keystead_user_set_jwt');
  late final userNewestKeyId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_newest_key_id');
  late final userVerifyKey = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_user_verify_key');
  late final userAddKeys = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Utf8>),
      int Function(Pointer<KeysteadUser>, Pointer<Utf8>)>('keystead_user_add_keys');
  late final saveUser = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_save_user');
  late final restoreUser = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<KeysteadUser>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<KeysteadUser>>)>('keystead_restore_user');
  late final lightUserId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLightUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLightUser>, Pointer<Pointer<Utf8>>)>('keystead_light_user_id');
  late final lightUserJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLightUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLightUser>, Pointer<Pointer<Utf8>>)>('keystead_light_user_jwt');
  late final lightUserRefreshToken = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLightUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLightUser>, Pointer<Pointer<Utf8>>)>('keystead_light_user_refresh_token');
  late final prepareUserKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_prepare_user_key_rotation');
  late final doneUserKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_user_key_rotation');
  late final jwtClaims = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_jwt_claims');
  late final jwtNeedsRefresh = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Int64, Pointer<Bool>),
      int Function(Pointer<Utf8>, int, Pointer<Bool>)>('keystead_jwt_needs_refresh');
  late final prepareLoginStart = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_login_start');
  late final prepareLogin = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadLoginStart>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadLoginStart>>)>('keystead_prepare_login');
  late final prepareLoginG03 = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadLoginStart>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadLoginStart>>)>('keystead_prepare_login_g03');
  late final doneLogin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLoginStart>, Pointer<Utf8>, Pointer<Int32>, Pointer<Pointer<KeysteadLogin>>, Pointer<Pointer<KeysteadUser>>),
      int Function(Pointer<KeysteadLoginStart>, Pointer<Utf8>, Pointer<Int32>, Pointer<Pointer<KeysteadLogin>>, Pointer<Pointer<KeysteadUser>>)>('keystead_done_login');
  late final prepareValidateMfa = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLoginStart>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLoginStart>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_validate_mfa');
  late final doneValidateMfa = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLoginStart>, Pointer<Utf8>, Pointer<Pointer<KeysteadLogin>>),
      int Function(Pointer<KeysteadLoginStart>, Pointer<Utf8>, Pointer<Pointer<KeysteadLogin>>)>('keystead_done_validate_mfa');
  late final prepareVerifyLogin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLoginStart>, Pointer<KeysteadLogin>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLoginStart>, Pointer<KeysteadLogin>, Pointer<Pointer<Utf8>>)>('keystead_prepare_verify_login');
  late final doneVerifyLogin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLogin>, Pointer<Utf8>, Pointer<Pointer<KeysteadUser>>),
      int Function(Pointer<KeysteadLogin>, Pointer<Utf8>, Pointer<Pointer<KeysteadUser>>)>('keystead_done_verify_login');
  late final doneVerifyLoginLight = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLogin>, Pointer<Utf8>, Pointer<Pointer<KeysteadLightUser>>),
      int Function(Pointer<KeysteadLogin>, Pointer<Utf8>, Pointer<Pointer<KeysteadLightUser>>)>('keystead_done_verify_login_light');
  late final prepareChangePassword = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadLoginStart>, Pointer<KeysteadLogin>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadLoginStart>, Pointer<KeysteadLogin>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_change_password');
  late final challengesNew = _library.lookupFunction<
      Int32 Function(Pointer<Pointer<KeysteadChallenges>>),
      int Function(Pointer<Pointer<KeysteadChallenges>>)>('keystead_challenges_new');
  late final challengesAnswer = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadChallenges>, Pointer<KeysteadLogin>),
      int Function(Pointer<KeysteadChallenges>, Pointer<KeysteadLogin>)>('keystead_challenges_answer');
  late final pinsNew = _library.lookupFunction<
      Int32 Function(Bool, Pointer<Pointer<KeysteadPins>>),
      int Function(bool, Pointer<Pointer<KeysteadPins>>)>('keystead_pins_new');
  late final pinsImport = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<KeysteadPins>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<KeysteadPins>>)>('keystead_pins_import');
  late final pinsExport = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadPins>, Pointer<Pointer<Utf8>>)>('keystead_pins_export');
  late final pinsPin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Int32>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Int32>)>('keystead_pins_pin');
  late final pinsAccept = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Utf8>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Utf8>)>('keystead_pins_accept');
  late final pinsAcceptOld = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Utf8>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Utf8>)>('keystead_pins_accept_old');
  late final pinsForget = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>)>('keystead_pins_forget');
  late final pinsChanged = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Bool>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Bool>)>('keystead_pins_changed');
  late final pinsPinOwn = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<KeysteadUser>),
      int Function(Pointer<KeysteadPins>, Pointer<KeysteadUser>)>('keystead_pins_pin_own');
  late final pinsAcceptOwn = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<KeysteadUser>),
      int Function(Pointer<KeysteadPins>, Pointer<KeysteadUser>)>('keystead_pins_accept_own');
  late final pinsCheckGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<KeysteadGroup>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<KeysteadGroup>)>('keystead_pins_check_group');
  late final pinsForgetGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPins>, Pointer<Utf8>),
      int Function(Pointer<KeysteadPins>, Pointer<Utf8>)>('keystead_pins_forget_group');
  late final doneFetchVerifyKey = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_fetch_verify_key');
  late final doneFetchVerifyKeyProof = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_fetch_verify_key_proof');
  late final publicKeySigner = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_public_key_signer');
  late final publicKey = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Pointer<KeysteadPublicKey>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Pointer<KeysteadPublicKey>>)>('keystead_public_key');
  late final groupPublicKey = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Pointer<KeysteadPublicKey>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadPins>, Pointer<Utf8>, Pointer<Pointer<KeysteadPublicKey>>)>('keystead_group_public_key');
  late final publicKeyId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPublicKey>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadPublicKey>, Pointer<Pointer<Utf8>>)>('keystead_public_key_id');
  late final publicKeyFingerprint = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPublicKey>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadPublicKey>, Pointer<Pointer<Utf8>>)>('keystead_public_key_fingerprint');
  late final publicKeyVerified = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPublicKey>, Pointer<Bool>),
      int Function(Pointer<KeysteadPublicKey>, Pointer<Bool>)>('keystead_public_key_verified');
  late final createSafetyNumber = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_create_safety_number');
  late final checkMemberPage = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadGroup>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadGroup>)>('keystead_check_member_page');
  late final prepareCreateGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadUser>, Bool, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadUser>, bool, Pointer<Pointer<Utf8>>)>('keystead_prepare_create_group');
  late final prepareCreateChildGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Bool, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, bool, Pointer<Pointer<Utf8>>)>('keystead_prepare_create_child_group');
  late final doneCreateGroup = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_create_group');
  late final groupKeySigners = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_group_key_signers');
  late final doneGetGroup = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Pointer<KeysteadPins>, Pointer<Pointer<KeysteadGroup>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Pointer<KeysteadPins>, Pointer<Pointer<KeysteadGroup>>)>('keystead_done_get_group');
  late final groupKeysPageSigners = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_group_keys_page_signers');
  late final groupAddKeys = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Pointer<KeysteadPins>),
      int Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Pointer<KeysteadPins>)>('keystead_group_add_keys');
  late final groupId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<Pointer<Utf8>>)>('keystead_group_id');
  late final groupRank = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Int32>),
      int Function(Pointer<KeysteadGroup>, Pointer<Int32>)>('keystead_group_rank');
  late final groupKeyUpdate = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Bool>),
      int Function(Pointer<KeysteadGroup>, Pointer<Bool>)>('keystead_group_key_update');
  late final groupKeyIds = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<Pointer<Utf8>>)>('keystead_group_key_ids');
  late final groupRequireSignedKeys = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>),
      int Function(Pointer<KeysteadGroup>)>('keystead_group_require_signed_keys');
  late final doneGetGroupLight = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_group_light');
  late final doneGetMembers = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_members');
  late final doneGetInvites = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_invites');
  late final doneGetJoinRequests = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_join_requests');
  late final doneGetChildren = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_children');
  late final doneGetGroups = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_groups');
  late final doneGroupUpdateCheck = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_group_update_check');
  late final prepareGroupKeysForNewMember = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadPublicKey>, Int32, Pointer<Pointer<Utf8>>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadPublicKey>, int, Pointer<Pointer<Utf8>>, Pointer<Pointer<Utf8>>)>('keystead_prepare_group_keys_for_new_member');
  late final prepareLightInvite = _library.lookupFunction<
      Int32 Function(Int32, Int32, Pointer<Pointer<Utf8>>),
      int Function(int, int, Pointer<Pointer<Utf8>>)>('keystead_prepare_light_invite');
  late final doneInvite = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_invite');
  late final prepareChangeRank = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Int32, Int32, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, int, int, Pointer<Pointer<Utf8>>)>('keystead_prepare_change_rank');
  late final prepareKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Bool, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, bool, Pointer<Pointer<Utf8>>)>('keystead_prepare_key_rotation');
  late final doneKeyRotationStart = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_key_rotation_start');
  late final keyRotations = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_key_rotations');
  late final doneKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_key_rotation');
  late final encrypt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, Size, Pointer<Uint8>, Size, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, int, Pointer<Uint8>, int, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_encrypt');
  late final encryptString = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_encrypt_string');
  late final decrypt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, Size, Pointer<Uint8>, Size, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, int, Pointer<Uint8>, int, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_decrypt');
  late final decryptString = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_decrypt_string');
  late final contentHead = _library.lookupFunction<
      Int32 Function(Pointer<Uint8>, Size, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Uint8>, int, Pointer<Pointer<Utf8>>)>('keystead_content_head');
  late final contentStringHead = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_content_string_head');
  late final encryptRaw = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, Size, Pointer<Uint8>, Size, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, int, Pointer<Uint8>, int, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_encrypt_raw');
  late final decryptRaw = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Uint8>, Size, Pointer<Uint8>, Size, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Uint8>, int, Pointer<Uint8>, int, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_decrypt_raw');
  late final encryptAsymmetric = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPublicKey>, Pointer<Uint8>, Size, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadPublicKey>, Pointer<Uint8>, int, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_encrypt_asymmetric');
  late final encryptStringAsymmetric = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPublicKey>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadPublicKey>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_encrypt_string_asymmetric');
  late final decryptAsymmetric = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, Size, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Uint8>, int, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_decrypt_asymmetric');
  late final decryptStringAsymmetric = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_decrypt_string_asymmetric');
  late final createSearchRaw = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Bool, Size, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<Utf8>, bool, int, Pointer<Pointer<Utf8>>)>('keystead_create_search_raw');
  late final createSearch = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Bool, Size, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<Utf8>, bool, int, Pointer<Pointer<Utf8>>)>('keystead_create_search');
  late final search = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_search');
  late final sealValue = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_seal_value');
  late final openValue = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_open_value');
  late final sealedKeyId = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_sealed_key_id');
  late final searchValue = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_search_value');
  late final encryptSortableNumberRaw = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Uint64, Pointer<Uint64>),
      int Function(Pointer<KeysteadGroup>, int, Pointer<Uint64>)>('keystead_encrypt_sortable_number_raw');
  late final encryptSortableNumber = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Uint64, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, int, Pointer<Pointer<Utf8>>)>('keystead_encrypt_sortable_number');
  late final encryptSortableStringRaw = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Uint64>),
      int Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Uint64>)>('keystead_encrypt_sortable_string_raw');
  late final encryptSortableString = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadGroup>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_encrypt_sortable_string');
  late final prepareRegisterSymKey = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadKey>>)>('keystead_prepare_register_sym_key');
  late final doneRegisterSymKey = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>),
      int Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>)>('keystead_done_register_sym_key');
  late final doneFetchSymKey = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<KeysteadKey>>)>('keystead_done_fetch_sym_key');
  late final doneFetchSymKeys = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_fetch_sym_keys');
  late final makeNonRegisteredSymKey = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadKey>>)>('keystead_make_non_registered_sym_key');
  late final makeNonRegisteredSymKeyByPublicKey = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPublicKey>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<KeysteadPublicKey>, Pointer<Pointer<Utf8>>, Pointer<Pointer<KeysteadKey>>)>('keystead_make_non_registered_sym_key_by_public_key');
  late final openSymKey = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<KeysteadKey>>)>('keystead_open_sym_key');
  late final keyId = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Pointer<Utf8>>)>('keystead_key_id');
  late final keyExport = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Pointer<Utf8>>)>('keystead_key_export');
  late final keyImport = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<KeysteadKey>>)>('keystead_key_import');
  late final keyEncryptString = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_key_encrypt_string');
  late final keyDecryptString = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_key_decrypt_string');
  late final keyEncrypt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Uint8>, Size, Pointer<Uint8>, Size, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadKey>, Pointer<Uint8>, int, Pointer<Uint8>, int, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_key_encrypt');
  late final keyDecrypt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Uint8>, Size, Pointer<Uint8>, Size, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>),
      int Function(Pointer<KeysteadKey>, Pointer<Uint8>, int, Pointer<Uint8>, int, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>)>('keystead_key_decrypt');
  late final prepareRegisterFile = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_prepare_register_file');
  late final doneRegisterFile = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_register_file');
  late final prepareFileNameUpdate = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_prepare_file_name_update');
  late final doneGetFile = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_get_file');
  late final fileKey = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<KeysteadKey>>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<KeysteadGroup>, Pointer<KeysteadUser>, Pointer<Pointer<KeysteadKey>>, Pointer<Pointer<Utf8>>)>('keystead_file_key');
  late final donePartList = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_part_list');
  late final doneFileSession = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_done_file_session');
  late final encryptFileName = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<KeysteadUser>, Pointer<Pointer<Utf8>>)>('keystead_encrypt_file_name');
  late final decryptFileName = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadKey>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<Utf8>>)>('keystead_decrypt_file_name');
  late final encryptFilePart = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Uint8>, Size, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<KeysteadKey>, Pointer<Uint8>, int, Pointer<KeysteadUser>, Pointer<Pointer<Uint8>>, Pointer<Size>, Pointer<Pointer<KeysteadKey>>)>('keystead_encrypt_file_part');
  late final decryptFilePart = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadKey>, Pointer<Uint8>, Size, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>, Pointer<Pointer<KeysteadKey>>),
      int Function(Pointer<KeysteadKey>, Pointer<Uint8>, int, Pointer<Utf8>, Pointer<Pointer<Uint8>>, Pointer<Size>, Pointer<Pointer<KeysteadKey>>)>('keystead_decrypt_file_part');
  late final partSignKeyId = _library.lookupFunction<
      Int32 Function(Pointer<Uint8>, Size, Pointer<Pointer<Utf8>>),
      int Function(Pointer<Uint8>, int, Pointer<Pointer<Utf8>>)>('keystead_part_sign_key_id');
  late final clientNew = _library.lookupFunction<
      Int32 Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<KeysteadClient>>),
      int Function(Pointer<Utf8>, Pointer<Utf8>, Pointer<Pointer<KeysteadClient>>)>('keystead_client_new');
  late final clientExportPins = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadClient>, Pointer<Pointer<Utf8>>)>('keystead_client_export_pins');
  late final clientImportPins = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Utf8>),
      int Function(Pointer<KeysteadClient>, Pointer<Utf8>)>('keystead_client_import_pins');
  late final clientCheckIdentifier = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_client_check_identifier');
  late final clientRegister = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_client_register');
  late final clientLogin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_client_login');
  late final clientLoginG03 = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_client_login_g03');
  late final pendingMfaLogin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPending>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadPending>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_pending_mfa_login');
  late final pendingMfaRecoveryLogin = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadPending>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadPending>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_pending_mfa_recovery_login');
  late final clientRegisterDeviceStart = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadClient>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_client_register_device_start');
  late final sessionUser = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Pointer<KeysteadUser>>),
      int Function(Pointer<KeysteadSession>, Pointer<Pointer<KeysteadUser>>)>('keystead_session_user');
  late final sessionJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadSession>, Pointer<Pointer<Utf8>>)>('keystead_session_jwt');
  late final sessionSetJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>)>('keystead_session_set_jwt');
  late final sessionRefreshToken = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Pointer<Utf8>>),
      int Function(Pointer<KeysteadSession>, Pointer<Pointer<Utf8>>)>('keystead_session_refresh_token');
  late final sessionRefreshJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_refresh_jwt');
  late final sessionInit = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_init');
  late final sessionLogout = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_logout');
  late final sessionFreshJwt = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_fresh_jwt');
  late final sessionChangePassword = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_change_password');
  late final sessionResetPassword = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_reset_password');
  late final sessionDeleteUser = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_delete_user');
  late final sessionRegisterDevice = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_register_device');
  late final sessionGetDevices = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_get_devices');
  late final sessionRegisterOtp = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_register_otp');
  late final sessionCreateGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_create_group');
  late final sessionGetGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_get_group');
  late final sessionGetGroups = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_get_groups');
  late final sessionGetGroupInvites = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_get_group_invites');
  late final sessionAcceptGroupInvite = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_accept_group_invite');
  late final sessionRejectGroupInvite = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_reject_group_invite');
  late final sessionGroupJoinRequest = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_group_join_request');
  late final sessionEncryptStringFor = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Bool, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, bool, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_encrypt_string_for');
  late final sessionDecryptStringForMe = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_decrypt_string_for_me');
  late final sessionKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_key_rotation');
  late final sessionFinishKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadSession>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_session_finish_key_rotation');
  late final netGroupData = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Pointer<KeysteadGroup>>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Pointer<KeysteadGroup>>)>('keystead_net_group_data');
  late final netGroupUpdateCheck = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_update_check');
  late final netGroupFetchKey = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_fetch_key');
  late final netGroupInvite = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Int32, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, int, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_invite');
  late final netGroupInviteAuto = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Int32, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, int, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_invite_auto');
  late final netGroupGetMembers = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_get_members');
  late final netGroupGetJoinRequests = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_get_join_requests');
  late final netGroupAcceptJoinRequest = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Int32, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, int, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_accept_join_request');
  late final netGroupKick = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_kick');
  late final netGroupChangeRank = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Int32, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, int, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_change_rank');
  late final netGroupLeave = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_leave');
  late final netGroupDelete = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_delete');
  late final netGroupCreateChildGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_create_child_group');
  late final netGroupGetChildGroup = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_get_child_group');
  late final netGroupKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_key_rotation');
  late final netGroupFinishKeyRotation = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_finish_key_rotation');
  late final netGroupDecryptStringVerified = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_decrypt_string_verified');
  late final netGroupCreateFile = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<Utf8>, Bool, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<Utf8>, bool, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_create_file');
  late final netGroupDownloadFile = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<Utf8>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_download_file');
  late final netGroupDeleteFile = _library.lookupFunction<
      Int32 Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>),
      int Function(Pointer<KeysteadNetGroup>, Pointer<Utf8>, Pointer<NativeFunction<KeysteadCallback>>, Pointer<Void>)>('keystead_net_group_delete_file');
}
