/// Client of the Keystead key API. See README.md.
library;

export 'src/errors.dart' show KeysteadException;
export 'src/group.dart' show Group;
export 'src/sentc.dart' show LoginResult, PendingLogin, RefreshOption, RefreshOptions, Sentc;
export 'src/user.dart' show User;
