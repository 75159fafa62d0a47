//! Devices, identifier, password, sessions, deletion.

use keystead_sdk_core::user::{self, DeviceKeys, DeviceListItem, LoginStep, SessionListItem};
use keystead_sdk_core::{SdkError, rng};
use reqwest::Method;

use super::{Account, SecondFactor};
use crate::Result;
use crate::client::{blocking, id};

impl Account {
    /// A page of the user's devices, oldest first; `last` is the last item of the page before.
    pub async fn get_devices(&self, last: Option<&DeviceListItem>) -> Result<Vec<DeviceListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |d| (d.time, d.device_id.as_str()));
        let out = self.get(&format!("/user/device/{time}/{}", id(last_id)?)).await?;
        Ok(user::done_device_list(&out)?)
    }

    /// Deletes one of the user's devices, after a login in the background. Errors: as [`fresh_jwt`](Self::fresh_jwt);
    /// `Sdk(Server)` 115 for the last one, 116 when it is none of the user's.
    pub async fn delete_device(
        &self,
        password: &str,
        second_factor: Option<SecondFactor<'_>>,
        device_id: &str,
    ) -> Result<()> {
        let path = format!("/user/device/{}", id(device_id)?);
        let out = self.with_fresh(password, second_factor, Method::DELETE, &path, None).await?;
        Ok(user::done_success(&out)?)
    }

    /// Renames this device. Errors: `Sdk(Server)` 101 when the identifier is taken.
    pub async fn update_identifier(&self, identifier: &str) -> Result<()> {
        let out = self.put("/user", Some(user::prepare_user_identifier_update(identifier))).await?;
        user::done_success(&out)?;
        self.set_identifier(identifier);
        Ok(())
    }

    /// Changes the password of this device, after a login in the background with the old one. This session goes on; the
    /// user's other ones end, as the server's settings say. Errors: as [`fresh_jwt`](Self::fresh_jwt); `Sdk(ServerOutput)` on
    /// a device that a client of 2022 registered, which could not log in with the result.
    pub async fn change_password(
        &self,
        old_password: &str,
        new_password: &str,
        second_factor: Option<SecondFactor<'_>>,
    ) -> Result<()> {
        let (start, LoginStep::Direct(login)) = self.prove(old_password, second_factor).await? else {
            return Err(SdkError::ServerOutput.into());
        };
        let (new, own_token) = (new_password.to_owned(), self.refresh_token().to_owned());
        let (body, start, login) = blocking(move || {
            let body = user::prepare_change_password(&mut rng::os(), &start, &login, &new, Some(&own_token))?;
            Ok((body, start, login))
        })
        .await?;
        let fresh = self.finish(&start, *login).await?;
        let out = fresh.send(Method::PUT, "/user/update_pw", Some(body)).await;
        fresh.end().await;
        Ok(user::done_success(&out?)?)
    }

    /// Sets a new password for this device, which still holds its keys.
    pub(crate) async fn reset_password_of(&self, device: DeviceKeys, new_password: &str) -> Result<()> {
        let (new, own_token) = (new_password.to_owned(), self.refresh_token().to_owned());
        let body =
            blocking(move || user::prepare_reset_password(&mut rng::os(), &new, &device, Some(&own_token))).await?;
        let out = self.put("/user/reset_pw", Some(body)).await?;
        Ok(user::done_success(&out)?)
    }

    /// Deletes the account, after a login in the background. With the default options of an app only its backend may do
    /// this (`Sdk(Server)` 203). Errors: as [`fresh_jwt`](Self::fresh_jwt).
    pub async fn delete_user(&self, password: &str, second_factor: Option<SecondFactor<'_>>) -> Result<()> {
        let out = self.with_fresh(password, second_factor, Method::DELETE, "/user", None).await?;
        Ok(user::done_success(&out)?)
    }

    /// A page of the user's open sessions on all devices, oldest first; `last` is the last item of the page before. A call
    /// of Keystead's own server, as the next two.
    pub async fn get_sessions(&self, last: Option<&SessionListItem>) -> Result<Vec<SessionListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |s| (s.time, s.session_id.as_str()));
        let out = self.get(&format!("/user/sessions/{time}/{}", id(last_id)?)).await?;
        Ok(user::done_session_list(&out)?)
    }

    /// Ends one session, its JWTs too. Errors: `Sdk(Server)` 114 when there is none with this id.
    pub async fn end_session(&self, session_id: &str) -> Result<()> {
        let out = self.delete(&format!("/user/sessions/{}", id(session_id)?)).await?;
        Ok(user::done_success(&out)?)
    }

    /// Ends all sessions of the user but this one.
    pub async fn end_other_sessions(&self) -> Result<()> {
        Ok(user::done_success(&self.delete("/user/sessions").await?)?)
    }
}
