//! The user's own view of his sessions. Routes of Keystead, beside those of the wire reference.

use keystead_protocol::devices::SessionListItem;
use keystead_protocol::envelope::SUCCESS;

use super::super::rules;
use crate::error::KeyResult;
use crate::rooms::live::news;
use crate::web::call::Call;

/// `GET /user/sessions/:time/:id`
pub async fn list(call: Call) -> KeyResult<Vec<SessionListItem>> {
    let (app, session, page) = (call.app.clone(), call.session()?.clone(), call.page()?);
    call.app.db.read(move |c| rules::list_sessions(&app, c, &session, &page)).await
}

/// `DELETE /user/sessions/:session_id`
pub async fn end_one(call: Call) -> KeyResult<&'static str> {
    let (app, user_id, id) = (call.app.clone(), call.session()?.user_id.clone(), call.param(0)?.to_owned());
    call.write(move |tx| rules::end_one(&app, tx, &user_id, &id)).await?;
    news::signed_out(&call.app, &call.tenant.id, Some(&call.session()?.user_id), None);
    Ok(SUCCESS)
}

/// `DELETE /user/sessions`
pub async fn end_others(call: Call) -> KeyResult<&'static str> {
    let (app, session) = (call.app.clone(), call.session()?.clone());
    call.write(move |tx| rules::end_others(&app, tx, &session)).await?;
    news::signed_out(&call.app, &call.tenant.id, Some(&call.session()?.user_id), None);
    Ok(SUCCESS)
}
