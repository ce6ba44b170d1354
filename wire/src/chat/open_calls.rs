//! Calls that wait for their results, in dialects whose results may know their call by its tool's name only.

use std::borrow::Cow;

/// The calls of a history that nobody has answered yet.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls<'a> {
    open: Vec<Open<'a>>,
    /// Calls so far.
    calls: usize,
    /// Assistant's turns so far.
    turns: usize,
}

#[derive(Debug)]
struct Open<'a> {
    turn: usize,
    id: Cow<'a, str>,
    name: Cow<'a, str>,
}

impl<'a> OpenCalls<'a> {
    /// A turn of the assistant begins.
    pub(crate) fn begin_turn(&mut self) {
        self.turns += 1;
    }

    /// Takes note of a call; returns its id, which is made up where it has none.
    pub(crate) fn call(&mut self, id: Option<Cow<'a, str>>, name: Cow<'a, str>) -> Cow<'a, str> {
        // The same history gets the same ids each time, so that a prompt cache still knows it.
        let id = id.filter(|it| !it.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{:04}", self.calls).into());
        self.calls += 1;
        self.open.push(Open {
            turn: self.turns,
            id: id.clone(),
            name,
        });
        id
    }

    /// The id of the call that a result belongs to. Of a result that nobody asked for it is what
    /// the result says; the writer makes words of it.
    pub(crate) fn answer(
        &mut self,
        id: Option<Cow<'a, str>>,
        name: Option<&Cow<'a, str>>,
    ) -> Cow<'a, str> {
        let id = id.filter(|it| !it.is_empty());
        let found = self.find(id.as_deref(), name.map(|it| &**it));
        match found.map(|at| self.open.remove(at)) {
            Some(open) => open.id,
            None => id.or_else(|| name.cloned()).unwrap_or_default(),
        }
    }

    /// The call that a result belongs to: its id says, else the tool's name, which is that of the
    /// first call without a result in the latest turn that has one. Without either it is any call.
    fn find(&self, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let by_id = id.and_then(|id| self.open.iter().position(|it| it.id == id));
        if by_id.is_some() || (id.is_some() && name.is_none()) {
            return by_id;
        }
        let fits = |it: &&Open<'_>| name.is_none_or(|name| it.name == name);
        let latest = self.open.iter().filter(fits).map(|it| it.turn).max()?;
        self.open
            .iter()
            .position(|it| it.turn == latest && fits(&it))
    }
}
