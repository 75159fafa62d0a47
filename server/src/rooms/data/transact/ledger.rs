//! What the transactions of one commit share on PostgreSQL (docs/adr/0019): the app as they all see it, its count, and rows that are
//! written for all of them at once. A transaction that fails before it has written anything itself so costs the others nothing.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use diesel::QueryResult;
use keystead_instaql::schema::EntityId;

use super::store::{self, LogRow, Row};
use crate::app::App;
use crate::db::{Conn, Shared};
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::{self, Space};

/// Rows that are kept back at most: looking through them must cost less than asking the database.
const MOST_ROWS: usize = 2_000;

/// Where a row stands: whose, of which attr, in which slot.
pub(super) type Place = (EntityId, i64, Vec<u8>);

/// See the module.
#[derive(Default)]
pub struct Ledger {
    open: Option<Open>,
    kept: Held,
    /// Of the transaction that runs.
    own: Held,
    /// The transaction that runs has, or may have, written something itself.
    wrote: bool,
}

/// The app as the next transaction finds it. The batch holds its row, so nobody else changes it.
struct Open {
    space: Arc<Space>,
    /// The count as the database has it.
    stored: i64,
    /// The number of the last transaction that counts.
    counted: i64,
    /// The number of the one that runs.
    running: i64,
}

/// What is still to be written; `None` is a row to be taken away.
#[derive(Default)]
struct Held {
    rows: BTreeMap<Place, Option<Row>>,
    log: Vec<LogRow>,
}

impl Shared for Ledger {
    fn settle(&mut self, conn: &mut Conn) -> QueryResult<()> {
        self.flush(conn)?;
        if let Some(open) = self.open.as_mut().filter(|open| open.counted > open.stored) {
            space::rules::set_count(conn, &open.space.app_id, open.counted)?;
            open.stored = open.counted;
        }
        store::insert_log(conn, take(&mut self.kept.log))
    }

    fn keep(&mut self) {
        if let Some(open) = &mut self.open {
            open.counted = open.running;
        }
        let own = take(&mut self.own);
        self.kept.rows.extend(own.rows);
        self.kept.log.extend(own.log);
        self.wrote = false;
    }

    fn forget(&mut self) -> bool {
        if let Some(open) = &mut self.open {
            open.running = open.counted;
        }
        self.own = Held::default();
        !take(&mut self.wrote)
    }
}

impl Ledger {
    /// What the transaction that runs has done cannot be told from what the others have.
    pub(super) const fn spoil(&mut self) {
        self.wrote = true;
    }

    /// Writes the rows that are kept back.
    fn flush(&mut self, conn: &mut Conn) -> QueryResult<()> {
        self.wrote |= !self.own.rows.is_empty();
        let mut all = take(&mut self.kept.rows);
        all.append(&mut self.own.rows);
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for (place, row) in all {
            match row {
                Some(row) => rows.push(row),
                None => gone.push(place),
            }
        }
        store::take(conn, &gone)?;
        store::put(conn, rows)
    }

    /// The rows of an entity that are kept back, by attr and slot.
    pub(super) fn of(&self, entity: EntityId) -> impl Iterator<Item = (i64, &[u8], Option<&Row>)> {
        [&self.kept, &self.own].into_iter().flat_map(move |held| {
            let own =
                held.rows.range((entity, i64::MIN, Vec::new())..).take_while(move |((of, _, _), _)| *of == entity);
            own.map(|((_, attr, slot), row)| (*attr, slot.as_slice(), row.as_ref()))
        })
    }

    /// All rows of an attr that are kept back: whose, and what stands there.
    pub(super) fn of_attr(&self, attr: i64) -> impl Iterator<Item = (EntityId, Option<&Row>)> {
        let both = [&self.kept, &self.own].into_iter().flat_map(|held| held.rows.iter());
        both.filter(move |((_, of, _), _)| *of == attr).map(|((entity, _, _), row)| (*entity, row.as_ref()))
    }
}

/// A transaction on an app: alone, or one of a batch.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    ledger: Option<&'a mut Ledger>,
}

impl<'a> Tx<'a> {
    /// One by itself: everything is written when it is said.
    pub const fn alone(conn: &'a mut Conn) -> Self {
        Self { conn, ledger: None }
    }

    /// One of a batch, where there is one.
    pub(super) const fn one_of(conn: &'a mut Conn, ledger: Option<&'a mut Ledger>) -> Self {
        Self { conn, ledger }
    }

    /// To read and write whatever there is.
    ///
    /// # Errors
    /// What the database says.
    pub fn conn(&mut self) -> QueryResult<&mut Conn> {
        if let Some(ledger) = &mut self.ledger {
            ledger.flush(self.conn)?;
            ledger.wrote = true;
        }
        Ok(self.conn)
    }

    /// To read whatever there is.
    ///
    /// # Errors
    /// What the database says.
    pub fn reading(&mut self) -> QueryResult<&mut Conn> {
        if let Some(ledger) = &mut self.ledger {
            ledger.flush(self.conn)?;
        }
        Ok(self.conn)
    }

    /// To read what is no row of a record.
    pub const fn aside(&mut self) -> &mut Conn {
        self.conn
    }

    /// To read and write what is no row of a record.
    pub const fn beside(&mut self) -> &mut Conn {
        if let Some(ledger) = &mut self.ledger {
            ledger.wrote = true;
        }
        self.conn
    }

    /// To read an entity, its links to others, and what is no row of a record.
    ///
    /// # Errors
    /// What the database says.
    pub fn reading_of(&mut self, entity: EntityId) -> QueryResult<&mut Conn> {
        match self.ledger.as_ref().is_some_and(|ledger| ledger.of(entity).next().is_some()) {
            true => self.reading(),
            false => Ok(self.conn),
        }
    }

    /// The app as it is, and the transaction's number. Other writers of the app wait.
    ///
    /// # Errors
    /// As [`space::rules::begin`].
    pub(super) fn begin(&mut self, app: &App, app_id: &str) -> DataResult<(Arc<Space>, i64)> {
        let Some(ledger) = &mut self.ledger else { return space::rules::begin(app, self.conn, app_id) };
        if ledger.kept.rows.len() > MOST_ROWS {
            ledger.flush(self.conn)?;
        }
        if let Some(open) = ledger.open.as_mut().filter(|open| open.space.app_id == app_id) {
            open.running = open.counted + 1;
            return Ok((Arc::clone(&open.space), open.running));
        }
        ledger.settle(self.conn)?;
        let (space, tx_id) = space::rules::begin(app, self.conn, app_id)?;
        ledger.open = Some(Open { space: Arc::clone(&space), stored: tx_id, counted: tx_id - 1, running: tx_id });
        Ok((space, tx_id))
    }

    /// The app as attr steps have left it. They were run on [`Tx::conn`].
    pub(super) fn changed(&mut self, space: &Arc<Space>) {
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.open.as_mut()) {
            open.space = Arc::clone(space);
        }
    }

    /// Takes rows away and writes others.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn write(&mut self, gone: Vec<Place>, rows: Vec<Row>) -> QueryResult<()> {
        let Some(ledger) = &mut self.ledger else {
            store::take(self.conn, &gone)?;
            return store::put(self.conn, rows);
        };
        let own = &mut ledger.own.rows;
        own.extend(gone.into_iter().map(|place| (place, None)));
        own.extend(rows.into_iter().map(|row| ((row.entity, row.attr, row.slot.clone()), Some(row))));
        Ok(())
    }

    /// Writes a transaction down in the log.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn log(&mut self, row: LogRow) -> QueryResult<()> {
        match &mut self.ledger {
            Some(ledger) => ledger.own.log.push(row),
            None => store::insert_log(self.conn, vec![row])?,
        }
        Ok(())
    }

    /// To read rows of records with what is kept back laid over them.
    pub(super) fn parts(&mut self) -> (&mut Conn, Option<&Ledger>) {
        (self.conn, self.ledger.as_deref())
    }
}
