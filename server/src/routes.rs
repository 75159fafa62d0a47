//! THE route table: every path with its handler, guard, endpoint option and limiter, one line each.
//!
//! The lines of the identity API stand in `routes/identity.rs`. `tests/` compares its authorisation matrix with [`table`]: a route that is not in the matrix fails there.

mod data;
mod identity;

use std::sync::atomic::AtomicUsize;
use std::sync::{LazyLock, Mutex, PoisonError};

use actix_web::http::Method;
use actix_web::http::uri::{PathAndQuery, Uri};
use keystead_protocol::apps::Endpoint;
use matchit::Router;

use crate::config::ApisConfig;
use crate::rooms::{files, groups, keys};
use crate::web::call::{Handler, body, body_or_default, download, plain, upload};
use crate::web::data::DataHandler;
use crate::web::guard::Guard;
use crate::web::identity::IdentityHandler;
use crate::web::limits::Limit;

mod customers;

/// One line of the table.
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path with `{names}`.
    pub pattern: &'static str,
    /// Who may call.
    pub guard: Guard,
    /// The app's option that can close the endpoint.
    pub option: Option<Endpoint>,
    /// What is counted.
    pub limit: Limit,
    pub(crate) handler: RouteHandler,
    /// About the bytes of an answer: what to reserve for the next one.
    pub(crate) answer_size: AtomicUsize,
}

/// A handler of one of the APIs.
pub(crate) enum RouteHandler {
    Keys(Handler),
    Identity(IdentityHandler),
    Data(DataHandler),
}

/// A matched route with the values of its path.
pub struct Found {
    /// The line of the table.
    pub route: &'static Route,
    /// The values of `{names}`, in order.
    pub params: Params,
}

/// The values of a path's `{names}`, in order. They are places in the path, whose bytes are shared with the request.
#[derive(Debug, Clone, Default)]
pub struct Params {
    path: Option<PathAndQuery>,
    places: [(usize, usize); MAX_PARAMS],
    count: usize,
}

/// `{names}` of a pattern; a test reads the table.
const MAX_PARAMS: usize = 4;
/// An answer is reserved this much before one has been seen.
const ANSWER_SIZE: usize = 256;

impl Params {
    /// The value at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let (start, end) = *self.places.get(..self.count)?.get(index)?;
        self.path.as_ref()?.path().get(start..end)
    }

    /// The last value.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.get(self.count.checked_sub(1)?)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// True for a pattern without `{names}`.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn push(&mut self, start: usize, length: usize) {
        if let Some(place) = self.places.get_mut(self.count) {
            *place = (start, start + length);
            self.count += 1;
        }
    }
}

/// All routes, ready for look-up.
pub struct Routes {
    get: Router<&'static Route>,
    post: Router<&'static Route>,
    put: Router<&'static Route>,
    patch: Router<&'static Route>,
    delete: Router<&'static Route>,
}

/// All routes.
#[must_use]
pub fn routes() -> &'static Routes {
    routes_of(&ApisConfig { keys: true, identity: true, data: true, customer: true })
}

/// The routes of the APIs that are switched on.
#[must_use]
pub fn routes_of(apis: &ApisConfig) -> &'static Routes {
    static SETS: LazyLock<Mutex<Vec<(ApisConfig, &'static Routes)>>> = LazyLock::new(Mutex::default);
    let mut sets = SETS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = sets.iter().find(|(of, _)| of == apis) {
        return known;
    }
    // One for each set of APIs that this process ever serves, which is one outside of tests.
    let made: &'static Routes = Box::leak(Box::new(Routes::new(table().iter().filter(|r| apis.serves(r.guard.api())))));
    sets.push((apis.clone(), made));
    made
}

/// The lines of the table.
#[must_use]
pub fn table() -> &'static [Route] {
    static TABLE: LazyLock<Vec<Route>> = LazyLock::new(|| {
        lines().into_iter().chain(identity::lines()).chain(data::lines()).chain(customers::lines()).collect()
    });
    &TABLE
}

fn lines() -> Vec<Route> {
    use Endpoint as E;
    use Guard::{A, AJ, AJFresh, AJG, AJOpt, AJx, S, SJ, SJG, SU, SUG};
    use Limit::{Exists, Login, None as No, Register};
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let on = Some;
    let line = |method: &Method, pattern, guard, option, limit, handler| Route {
        method: method.clone(),
        pattern,
        guard,
        option,
        limit,
        handler: RouteHandler::Keys(handler),
        answer_size: AtomicUsize::new(ANSWER_SIZE),
    };
    #[rustfmt::skip]
    let lines = vec![
        // Users: registration and login (sentc.md section 4).
        line(&post,   "/api/v1/exists",                          A,   on(E::UserExists),       Exists,   body(keys::http::exists)),
        line(&post,   "/api/v1/register",                        A,   on(E::UserRegister),     Register, body(keys::http::register)),
        line(&post,   "/api/v1/prepare_login",                   A,   on(E::UserPrepareLogin), Login,    body(keys::http::prepare_login)),
        line(&post,   "/api/v1/done_login",                      A,   on(E::UserDoneLogin),    Login,    body(keys::http::done_login)),
        line(&post,   "/api/v1/verify_login",                    A,   on(E::UserDoneLogin),    Login,    body(keys::http::verify_login)),
        line(&post,   "/api/v1/validate_mfa",                    A,   on(E::UserDoneLogin),    Login,    body(keys::http::mfa::validate_code)),
        line(&post,   "/api/v1/validate_recovery_otp",           A,   on(E::UserDoneLogin),    Login,    body(keys::http::mfa::validate_recovery_key)),
        line(&put,    "/api/v1/refresh",                         AJx, on(E::UserJwtRefresh),   No,       body(keys::http::refresh)),
        line(&delete, "/api/v1/refresh",                         AJx, None,                    No,       body(keys::http::logout)),
        line(&post,   "/api/v1/init",                            AJx, on(E::UserJwtRefresh),   No,       body(keys::http::init)),

        // Light users (section 11).
        line(&post,   "/api/v1/register_light",                  A,   on(E::UserRegister),     Register, body(keys::http::light::register)),
        line(&post,   "/api/v1/verify_login_light",              A,   on(E::UserDoneLogin),    Login,    body(keys::http::light::verify_login)),
        line(&put,    "/api/v1/user/done_register_device_light", AJ,  on(E::UserDeviceRegister), No,     body(keys::http::light::finish_device)),
        line(&put,    "/api/v1/user/reset_pw_light",             S,   None,                    No,       body(keys::http::light::forced_reset)),
        line(&post,   "/api/v1/user/forced/login_light",         S,   None,                    No,       body(keys::http::light::forced_login)),

        // Users: devices (section 5).
        line(&post,   "/api/v1/user/prepare_register_device",    A,   on(E::UserDeviceRegister), Register, body(keys::http::devices::prepare)),
        line(&put,    "/api/v1/user/done_register_device",       AJ,  on(E::UserDeviceRegister), No,     body(keys::http::devices::finish)),
        line(&put,    "/api/v1/user/user_keys/session/{session_id}", AJ, on(E::UserDeviceRegister), No,  body(keys::http::devices::upload_keys)),
        line(&get,    "/api/v1/user/device/{time}/{id}",         AJ,  on(E::UserDeviceList),   No,       plain(keys::http::devices::list)),
        line(&delete, "/api/v1/user/device/{device_id}",         AJFresh, on(E::UserDeviceDelete), No,   plain(keys::http::devices::delete)),

        // Users: password (section 4.3), second factor (section 6), sessions (Keystead's own).
        line(&put,    "/api/v1/user/update_pw",                  AJFresh, on(E::UserChangePassword), No, body(keys::http::password::change)),
        line(&put,    "/api/v1/user/reset_pw",                   AJ,  on(E::UserResetPassword), No,      body(keys::http::password::reset)),
        line(&patch,  "/api/v1/user/register_otp",               AJFresh, on(E::UserRegisterOtp), No,    plain(keys::http::mfa::register)),
        line(&patch,  "/api/v1/user/confirm_otp",                AJFresh, on(E::UserRegisterOtp), No,    body(keys::http::mfa::confirm)),
        line(&patch,  "/api/v1/user/reset_otp",                  AJFresh, on(E::UserResetOtp), No,       plain(keys::http::mfa::reset)),
        line(&patch,  "/api/v1/user/disable_otp",                AJFresh, on(E::UserDisableOtp), No,     plain(keys::http::mfa::disable)),
        line(&get,    "/api/v1/user/otp_recovery_keys",          AJFresh, on(E::UserGetOtpRecoveryKeys), No, plain(keys::http::mfa::recovery_keys)),
        line(&get,    "/api/v1/user/sessions/{time}/{id}",       AJ,  None,                    No,       plain(keys::http::sessions::list)),
        line(&delete, "/api/v1/user/sessions/{session_id}",      AJ,  None,                    No,       plain(keys::http::sessions::end_one)),
        line(&delete, "/api/v1/user/sessions",                   AJ,  None,                    No,       plain(keys::http::sessions::end_others)),

        // Users: own data.
        line(&put,    "/api/v1/user",                            AJ,  on(E::UserUpdate),       No,       body(keys::http::update_identifier)),
        line(&delete, "/api/v1/user",                            AJFresh, on(E::UserDelete),   No,       plain(keys::http::delete_user)),
        line(&get,    "/api/v1/user/jwt",                        SJ,  None,                    No,       plain(keys::http::check_jwt)),
        line(&get,    "/api/v1/user/user_keys",                  AJ,  on(E::UserDoneLogin),    No,       plain(keys::http::user_keys_first_page)),
        line(&get,    "/api/v1/user/user_keys/keys/{time}/{id}", AJ,  on(E::UserDoneLogin),    No,       plain(keys::http::user_keys_page)),
        line(&get,    "/api/v1/user/user_keys/key/{key_id}",     AJ,  on(E::UserDoneLogin),    No,       plain(keys::http::user_key)),
        line(&get,    "/api/v1/user/user_key/{key_id}",          AJ,  on(E::UserDoneLogin),    No,       plain(keys::http::user_key)),

        line(&post,   "/api/v1/user/user_keys/rotation",          AJ, on(E::UserKeyUpdate),    No,       body(groups::rotation::http::start_user)),
        line(&get,    "/api/v1/user/user_keys/rotation",          AJ, on(E::UserKeyUpdate),    No,       plain(groups::rotation::http::waiting_user)),
        line(&put,    "/api/v1/user/user_keys/rotation/{key_id}", AJ, on(E::UserKeyUpdate),    No,       body(groups::rotation::http::finish_user)),

        // Users: public data.
        line(&get,    "/api/v1/user/{user_id}",                      A, on(E::UserPublicData), No,       plain(keys::http::public_data_g03)),
        line(&get,    "/api/v1/user/{user_id}/public_key",           A, on(E::UserPublicData), No,       plain(keys::http::public_key)),
        line(&get,    "/api/v1/user/{user_id}/public_key/{key_id}",  A, on(E::UserPublicData), No,       plain(keys::http::public_key_by_id)),
        line(&get,    "/api/v1/user/{user_id}/verify_key",           A, on(E::UserPublicData), No,       plain(keys::http::verify_key_g03)),
        line(&get,    "/api/v1/user/{user_id}/verify_key/{key_id}",  A, on(E::UserPublicData), No,       plain(keys::http::verify_key_by_id)),

        // Users: the customer's backend acts (section 7).
        line(&delete, "/api/v1/user/forced/sessions",            S,   None,                    No,       body(keys::http::forced_end_sessions)),
        line(&put,    "/api/v1/user/forced/delete",              S,   None,                    No,       body(keys::http::forced_delete)),
        line(&delete, "/api/v1/user/forced/delete/{user_id}",    S,   None,                    No,       plain(keys::http::forced_delete_by_id)),
        line(&post,   "/api/v1/user/forced/login",               S,   None,                    No,       body(keys::http::forced_login)),
        line(&put,    "/api/v1/user/forced/disable_otp",         S,   None,                    No,       body(keys::http::mfa::forced_disable)),
        line(&delete, "/api/v1/user/forced/disable_otp",         S,   None,                    No,       body(keys::http::mfa::forced_disable)),
        line(&put,    "/api/v1/user/forced/reset_user",          S,   None,                    No,       body(keys::http::password::forced_reset)),

        // Groups (section 8).
        line(&post,   "/api/v1/group",                           AJ,  on(E::GroupCreate),      No,       body(groups::http::create)),
        line(&post,   "/api/v1/group/light",                     AJ,  on(E::GroupCreate),      No,       plain(groups::http::create_light)),
        line(&get,    "/api/v1/group/all/{time}/{id}",           AJ,  on(E::GroupList),        No,       plain(groups::http::list)),
        line(&get,    "/api/v1/group/invite/{time}/{id}",        AJ,  on(E::GroupInvite),      No,       plain(groups::invites::http::list)),
        line(&get,    "/api/v1/group/{group_id}",                AJG, on(E::GroupGet),         No,       plain(groups::http::get)),
        line(&delete, "/api/v1/group/{group_id}",                AJG, on(E::GroupDelete),      No,       plain(groups::http::delete)),
        line(&get,    "/api/v1/group/{group_id}/light",          AJG, on(E::GroupGet),         No,       plain(groups::http::get_light)),
        line(&get,    "/api/v1/group/{group_id}/public_key",     A,   on(E::UserPublicData),   No,       plain(groups::http::public_key)),
        line(&get,    "/api/v1/group/{group_id}/update_check",       AJG, on(E::GroupUserUpdateCheck), No, plain(groups::http::update_check)),
        line(&get,    "/api/v1/group/{group_id}/update_check_light", AJG, on(E::GroupUserUpdateCheck), No, plain(groups::http::update_check_light)),
        line(&get,    "/api/v1/group/{group_id}/keys/{time}/{id}",   AJG, on(E::GroupUserKeys), No,      plain(groups::http::keys)),
        line(&get,    "/api/v1/group/{group_id}/key/{key_id}",       AJG, on(E::GroupUserKeys), No,      plain(groups::http::key)),
        line(&post,   "/api/v1/group/{group_id}/key_rotation",          AJG, on(E::GroupKeyRotation), No, body(groups::rotation::http::start)),
        line(&get,    "/api/v1/group/{group_id}/key_rotation",          AJG, on(E::GroupKeyRotation), No, plain(groups::rotation::http::waiting)),
        line(&put,    "/api/v1/group/{group_id}/key_rotation/{key_id}", AJG, on(E::GroupKeyRotation), No, body(groups::rotation::http::finish)),
        line(&get,    "/api/v1/group/{group_id}/member/{time}/{id}", AJG, None,                 No,      plain(groups::members::http::list)),
        line(&delete, "/api/v1/group/{group_id}/leave",              AJG, on(E::GroupLeave),    No,      plain(groups::members::http::leave)),
        line(&delete, "/api/v1/group/{group_id}/kick/{user_id}",     AJG, on(E::GroupUserDelete), No,    plain(groups::members::http::kick)),
        line(&put,    "/api/v1/group/{group_id}/change_rank",        AJG, on(E::GroupChangeRank), No,    body(groups::members::http::change_rank)),
        line(&patch,  "/api/v1/group/{group_id}/change_invite",      AJG, on(E::GroupInviteStop), No,    plain(groups::invites::http::toggle_invites)),
        line(&put,    "/api/v1/group/{group_id}/invite/{user_id}",             AJG, on(E::GroupInvite),     No, body(groups::invites::http::invite)),
        line(&put,    "/api/v1/group/{group_id}/invite/{user_id}/light",       AJG, on(E::GroupInvite),     No, body_or_default(groups::invites::http::invite_light)),
        line(&put,    "/api/v1/group/{group_id}/invite_auto/{user_id}",        AJG, on(E::GroupAutoInvite), No, body(groups::invites::http::invite_auto)),
        line(&put,    "/api/v1/group/{group_id}/invite_auto/{user_id}/light",  AJG, on(E::GroupAutoInvite), No, body_or_default(groups::invites::http::invite_auto_light)),
        line(&put,    "/api/v1/group/{group_id}/re_invite/{user_id}",          AJG, on(E::GroupAutoInvite), No, body(groups::invites::http::re_invite)),
        line(&put,    "/api/v1/group/{group_id}/re_invite/{user_id}/light",    AJG, on(E::GroupAutoInvite), No, body_or_default(groups::invites::http::re_invite_light)),
        line(&put,    "/api/v1/group/{group_id}/invite/session/{session_id}",   AJG, on(E::GroupInvite),        No, body(groups::invites::http::upload_keys)),
        line(&put,    "/api/v1/group/{group_id}/join_req/session/{session_id}", AJG, on(E::GroupAcceptJoinReq), No, body(groups::invites::http::upload_keys)),
        line(&patch,  "/api/v1/group/{group_id}/invite",         AJ,  on(E::GroupAcceptInvite), No,      plain(groups::invites::http::accept)),
        line(&delete, "/api/v1/group/{group_id}/invite",         AJ,  on(E::GroupRejectInvite), No,      plain(groups::invites::http::reject)),

        // Groups: hierarchy, connected groups, groups as members.
        line(&post,   "/api/v1/group/{group_id}/child", AJG, on(E::GroupCreate), No, body(groups::http::create_child)),
        line(&post,   "/api/v1/group/{group_id}/child/light", AJG, on(E::GroupCreate), No, plain(groups::http::create_child_light)),
        line(&post,   "/api/v1/group/{group_id}/connected", AJG, on(E::GroupCreate), No, body(groups::http::create_connected)),
        line(&post,   "/api/v1/group/{group_id}/connected/light", AJG, on(E::GroupCreate), No, plain(groups::http::create_connected_light)),
        line(&get,    "/api/v1/group/{group_id}/children/{time}/{id}", AJG, on(E::GroupList), No, plain(groups::http::children)),
        line(&get,    "/api/v1/group/{group_id}/all/{time}/{id}", AJG, on(E::GroupList), No, plain(groups::http::list_of_group)),
        line(&put,    "/api/v1/group/{group_id}/invite_group/{guest_id}", AJG, on(E::GroupInvite), No, body(groups::invites::http::invite_group)),
        line(&put,    "/api/v1/group/{group_id}/invite_group/{guest_id}/light", AJG, on(E::GroupInvite), No, body_or_default(groups::invites::http::invite_group_light)),
        line(&put,    "/api/v1/group/{group_id}/invite_group_auto/{guest_id}", AJG, on(E::GroupAutoInvite), No, body(groups::invites::http::invite_group_auto)),
        line(&put,    "/api/v1/group/{group_id}/invite_group_auto/{guest_id}/light", AJG, on(E::GroupAutoInvite), No, body_or_default(groups::invites::http::invite_group_auto_light)),
        line(&put,    "/api/v1/group/{group_id}/invite_group_auto_force/{guest_id}", SJG, on(E::GroupAutoInvite), No, body(groups::invites::http::invite_group_force)),
        line(&put,    "/api/v1/group/{group_id}/invite_group_auto_force/{guest_id}/light", SJG, on(E::GroupAutoInvite), No, body_or_default(groups::invites::http::invite_group_force_light)),
        line(&put,    "/api/v1/group/{group_id}/re_invite_group/{guest_id}", AJG, on(E::GroupAutoInvite), No, body(groups::invites::http::re_invite_group)),
        line(&put,    "/api/v1/group/{group_id}/re_invite_group/{guest_id}/light", AJG, on(E::GroupAutoInvite), No, body_or_default(groups::invites::http::re_invite_group_light)),
        line(&put,    "/api/v1/group/{group_id}/re_invite_group_force/{guest_id}", SJG, on(E::GroupAutoInvite), No, body(groups::invites::http::re_invite_group_force)),
        line(&put,    "/api/v1/group/{group_id}/re_invite_group_force/{guest_id}/light", SJG, on(E::GroupAutoInvite), No, body_or_default(groups::invites::http::re_invite_group_force_light)),
        line(&get,    "/api/v1/group/{group_id}/invite/{time}/{id}", AJG, on(E::GroupInvite), No, plain(groups::invites::http::list_of_group)),
        line(&patch,  "/api/v1/group/{group_id}/invite/{to_join}", AJG, on(E::GroupAcceptInvite), No, plain(groups::invites::http::accept_as_group)),
        line(&delete, "/api/v1/group/{group_id}/invite/{to_join}", AJG, on(E::GroupRejectInvite), No, plain(groups::invites::http::reject_as_group)),
        line(&patch,  "/api/v1/group/{group_id}/{to_join}/invite", AJG, on(E::GroupAcceptInvite), No, plain(groups::invites::http::accept_as_group)),
        line(&delete, "/api/v1/group/{group_id}/{to_join}/invite", AJG, on(E::GroupRejectInvite), No, plain(groups::invites::http::reject_as_group)),

        // Groups: join requests.
        line(&patch,  "/api/v1/group/{group_id}/join_req", AJ, on(E::GroupJoinReq), No, plain(groups::joins::http::request)),
        line(&patch,  "/api/v1/group/{group_id}/join_req/{to_join}", AJG, on(E::GroupJoinReq), No, plain(groups::joins::http::request_as_group)),
        line(&get,    "/api/v1/group/joins/{time}/{id}", AJ, on(E::GroupJoinReq), No, plain(groups::joins::http::sent)),
        line(&get,    "/api/v1/group/{group_id}/joins/{time}/{id}", AJG, on(E::GroupJoinReq), No, plain(groups::joins::http::sent_by_group)),
        line(&delete, "/api/v1/group/joins/{to_join}", AJ, on(E::GroupJoinReq), No, plain(groups::joins::http::withdraw)),
        line(&delete, "/api/v1/group/{group_id}/joins/{to_join}", AJG, on(E::GroupJoinReq), No, plain(groups::joins::http::withdraw_as_group)),
        line(&get,    "/api/v1/group/{group_id}/join_req/{time}/{id}", AJG, on(E::GroupJoinReq), No, plain(groups::joins::http::list)),
        line(&put,    "/api/v1/group/{group_id}/join_req/{user_id}", AJG, on(E::GroupAcceptJoinReq), No, body(groups::joins::http::accept)),
        line(&put,    "/api/v1/group/{group_id}/join_req/{user_id}/light", AJG, on(E::GroupAcceptJoinReq), No, body_or_default(groups::joins::http::accept_light)),
        line(&delete, "/api/v1/group/{group_id}/join_req/{user_id}", AJG, on(E::GroupRejectJoinReq), No, plain(groups::joins::http::reject)),

        // Groups: the customer's backend acts (section 7).
        line(&delete, "/api/v1/group/forced/{group_id}", S, None, No, plain(groups::http::forced_delete)),
        line(&get,    "/api/v1/group/forced/{group_id}/user/{user_id}", S, None, No, plain(groups::members::http::forced_get)),
        line(&post,   "/api/v1/group/forced/{user_id}", SU, None, No, body(groups::http::create)),
        line(&post,   "/api/v1/group/forced/{user_id}/light", SU, None, No, plain(groups::http::create_light)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/child", SUG, None, No, body(groups::http::create_child)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/child/light", SUG, None, No, plain(groups::http::create_child_light)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/connected", SUG, None, No, body(groups::http::create_connected)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/connected/light", SUG, None, No, plain(groups::http::create_connected_light)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}", SUG, None, No, body(groups::invites::http::invite_auto)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}/light", SUG, None, No, body_or_default(groups::invites::http::invite_auto_light)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}/group", SUG, None, No, body(groups::invites::http::invite_group_auto)),
        line(&post,   "/api/v1/group/forced/{user_id}/{group_id}/invite_auto/{guest_id}/group_light", SUG, None, No, body_or_default(groups::invites::http::invite_group_auto_light)),
        line(&delete, "/api/v1/group/forced/{user_id}/{group_id}/kick/{member_id}", SUG, None, No, plain(groups::members::http::kick)),

        // Registered symmetric keys (section 9).
        line(&post,   "/api/v1/keys/sym_key",                    AJ,  on(E::KeyRegister),      No,       body(files::sym_keys::http::register)),
        line(&get,    "/api/v1/keys/sym_key/{key_id}",           A,   on(E::KeyGet),           No,       plain(files::sym_keys::http::get)),
        line(&delete, "/api/v1/keys/sym_key/{key_id}",           AJ,  on(E::KeyRegister),      No,       plain(files::sym_keys::http::delete)),
        line(&get,    "/api/v1/keys/sym_key/master_key/{master_key_id}/{time}/{id}", A, on(E::KeyGet), No, plain(files::sym_keys::http::of_master_key)),
        line(&get,    "/api/v1/keys/sym_key/{master_key_id}/{time}/{id}", A, on(E::KeyGet),         No,       plain(files::sym_keys::http::of_master_key)),

        // Files (section 10).
        line(&post,   "/api/v1/file",                            AJ,    on(E::FileRegister),     No,     body(files::http::register)),
        line(&post,   "/api/v1/group/{group_id}/file",           AJG,   on(E::FileRegister),     No,     body(files::http::register_in_group)),
        line(&get,    "/api/v1/file/{file_id}",                  AJOpt, on(E::FileGet),          No,     plain(files::http::get)),
        line(&get,    "/api/v1/group/{group_id}/file/{file_id}", AJG,   on(E::FileGet),          No,     plain(files::http::get_of_group)),
        line(&get,    "/api/v1/file/{file_id}/part_fetch/{last_sequence}", AJOpt, on(E::FileGet), No,    plain(files::http::more_parts)),
        line(&put,    "/api/v1/file/{file_id}",                  AJ,    on(E::FileRegister),     No,     body(files::http::rename)),
        line(&delete, "/api/v1/file/{file_id}",                  AJ,    on(E::FileDelete),       No,     plain(files::http::delete)),
        line(&delete, "/api/v1/group/{group_id}/file/{file_id}", AJG,   on(E::FileDelete),       No,     plain(files::http::delete_of_group)),
        line(&get,    "/api/v1/file/session/{session_id}",       AJ,    on(E::FilePartUpload),   No,     plain(files::parts::http::session)),
        line(&post,   "/api/v1/file/part/{session_id}/{seq}/{end}",            AJx,   on(E::FilePartUpload),   No, upload(files::parts::http::upload)),
        line(&patch,  "/api/v1/file/part/{session_id}/{seq}/{end}/{user_id}",  S,     None,                    No, plain(files::parts::http::register)),
        line(&delete, "/api/v1/file/part/{part_id}",             S,     None,                    No,     plain(files::parts::http::delete)),
        line(&get,    "/api/v1/file/part/{part_id}",             AJOpt, on(E::FilePartDownload), No,     download(files::parts::http::download)),
    ];
    lines
}

impl Routes {
    fn new(lines: impl Iterator<Item = &'static Route> + Clone) -> Self {
        let of = |method: Method| {
            let mut router = Router::new();
            for route in lines.clone().filter(|r| r.method == method) {
                router.insert(route.pattern, route).expect("the table's patterns do not conflict: a test reads it");
            }
            router
        };
        Self {
            get: of(Method::GET),
            post: of(Method::POST),
            put: of(Method::PUT),
            patch: of(Method::PATCH),
            delete: of(Method::DELETE),
        }
    }

    /// Finds the line for a method and path. Path values are taken as they stand: ids need no decoding.
    #[must_use]
    pub fn find(&self, method: &Method, uri: &Uri) -> Option<Found> {
        let router = match *method {
            Method::GET | Method::HEAD => &self.get,
            Method::POST => &self.post,
            Method::PUT => &self.put,
            Method::PATCH => &self.patch,
            Method::DELETE => &self.delete,
            _ => return None,
        };
        let whole = uri.path();
        // A base URL that ends with a slash gives two.
        let path = whole.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(whole);
        // The identity API takes a slash at the end of every path.
        let path = if path.starts_with("/api/iam/") { path.strip_suffix('/').unwrap_or(path) } else { path };
        let found = router.at(path).ok()?;
        let mut params = Params::default();
        if !found.params.is_empty() {
            params.path = uri.path_and_query().cloned();
            for (_, value) in found.params.iter() {
                // Values are parts of the path.
                params.push(value.as_ptr().addr() - whole.as_ptr().addr(), value.len());
            }
        }
        Some(Found { route: found.value, params })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_documented() {
        let docs = concat!(include_str!("../../docs/api.md"), include_str!("../../docs/customers.md"));
        for route in table() {
            let path = route.pattern.trim_start_matches("/api/v1");
            let line = format!("| {} | `{path}` |", route.method);
            assert!(docs.contains(&line), "docs/api.md lacks {line}");
        }
    }

    #[test]
    fn every_line_is_found_by_its_own_pattern() {
        for route in table() {
            let path = route.pattern.replace('{', "x-").replace('}', "");
            let find = |path: &str| routes().find(&route.method, &path.parse().expect("a path"));
            let found = find(&path).expect(route.pattern);
            assert!(std::ptr::eq(found.route, route), "{} hides {}", found.route.pattern, route.pattern);
            assert_eq!(found.params.len(), route.pattern.matches('{').count());
            // The pattern's own names stand where the values are.
            let names = route.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            let names: Vec<_> = names.map(|name| format!("x-{name}")).collect();
            for path in [path.clone(), format!("/{path}?a=b")] {
                let params = find(&path).expect(route.pattern).params;
                let values: Vec<_> = (0..params.len()).filter_map(|i| params.get(i)).collect();
                assert_eq!(values, names, "{path}");
            }
        }
        assert!(routes().find(&Method::GET, &Uri::from_static("/api/v1/nothing")).is_none());
    }
}
