//! Tables of references.

use crate::store::Store;
use mainspring_abi::VMTableDefinition;
use mainspring_abi::gc::TABLE_CARD;
use mainspring_error::{Context, Result, ensure};
use mainspring_wasm::{TableType, ValType};
use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;

/// A table of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TableId(pub u32);

/// A table. Its elements are 8 bytes each, as generated code sees them.
#[derive(Debug)]
pub struct TableInstance {
    ty: TableType,
    elements: Vec<u64>,
    /// Which elements the collector has to look at, if it follows them: see [`VMTableDefinition::cards`].
    cards: Option<Vec<u8>>,
    /// In the owner's VM context, or in `host_definition`.
    definition: NonNull<VMTableDefinition>,
    _host_definition: Option<Box<VMTableDefinition>>,
}

impl TableInstance {
    fn new(
        ty: TableType,
        init: u64,
        is_traced: bool,
        definition: Option<NonNull<VMTableDefinition>>,
    ) -> Result<TableInstance> {
        let elements = if init == 0 {
            nulls(ty.minimum)?
        } else {
            let mut elements = Vec::new();
            extend(&mut elements, ty.minimum, init)?;
            elements
        };
        let mut cards = is_traced.then(Vec::new);
        if let Some(cards) = &mut cards {
            extend(cards, cards_of(ty.minimum), u8::from(init != 0))?;
        }
        let mut fresh = Box::new(VMTableDefinition {
            base: std::ptr::null_mut(),
            length: 0,
            cards: std::ptr::null_mut(),
        });
        let (definition, host_definition) = match definition {
            Some(place) => (place, None),
            None => (NonNull::from(fresh.as_mut()), Some(fresh)),
        };
        let mut table = TableInstance {
            ty,
            elements,
            cards,
            definition,
            _host_definition: host_definition,
        };
        table.publish();
        Ok(table)
    }

    /// Tells generated code where the elements are.
    fn publish(&mut self) {
        let current = VMTableDefinition {
            base: self.elements.as_mut_ptr(),
            length: self.elements.len() as u64,
            cards: (self.cards.as_mut()).map_or(std::ptr::null_mut(), Vec::as_mut_ptr),
        };
        // SAFETY: the definition lives as long as the table and is written by no one else.
        unsafe { self.definition.write(current) };
    }

    /// Its type, concrete references canonical.
    pub fn ty(&self) -> &TableType {
        &self.ty
    }

    /// Where generated code finds it.
    pub fn definition(&self) -> NonNull<VMTableDefinition> {
        self.definition
    }

    /// How many elements it has.
    pub fn size(&self) -> u64 {
        self.elements.len() as u64
    }

    /// The elements.
    pub fn elements(&self) -> &[u64] {
        &self.elements
    }

    /// Elements, to change. None if there are not so many.
    pub fn change(&mut self, range: Range<usize>) -> Option<&mut [u64]> {
        let changed = self.elements.get_mut(range.clone())?;
        if let (Some(cards), false) = (&mut self.cards, range.is_empty()) {
            cards[range.start / TABLE_CARD..=(range.end - 1) / TABLE_CARD].fill(1);
        }
        Some(changed)
    }

    /// As [`change`](Self::change) for so many elements from one on.
    pub fn change_from(&mut self, start: u64, len: u64) -> Option<&mut [u64]> {
        let end = start.checked_add(len)?;
        self.change(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// Shows the collector all references, or at least those to young objects. `visit` says which are to young ones from now on.
    pub(crate) fn each_reference(&mut self, all: bool, visit: &mut dyn FnMut(&mut u32) -> bool) {
        let cards = self.cards.iter_mut().flatten();
        for (card, elements) in cards.zip(self.elements.chunks_mut(TABLE_CARD)) {
            if *card == 0 && !all {
                continue;
            }
            let mut young = false;
            for element in elements.iter_mut().filter(|element| **element != 0) {
                let mut reference = *element as u32;
                young |= visit(&mut reference);
                *element = reference.into();
            }
            *card = young.into();
        }
    }

    fn grow(&mut self, by: u64, with: u64) -> Result<()> {
        let grown = self.make_longer(by, with);
        self.publish();
        grown
    }

    fn make_longer(&mut self, by: u64, with: u64) -> Result<()> {
        let old = self.size();
        if let Some(cards) = &mut self.cards {
            // More of them than there are elements do no harm.
            let more = cards_of(old.saturating_add(by)).saturating_sub(cards.len() as u64);
            extend(cards, more, 0)?;
        }
        extend(&mut self.elements, by, with)?;
        if with != 0 {
            self.change_from(old, by);
        }
        Ok(())
    }
}

/// So many null elements. The system hands out zeroed pages as they are touched, so that a large table of
/// which little is used costs little.
fn nulls(count: u64) -> Result<Vec<u64>> {
    let layout = usize::try_from(count)
        .ok()
        .and_then(|count| Layout::array::<u64>(count).ok())
        .context("the table is too large")?;
    if layout.size() == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the layout is not empty.
    let elements = unsafe { std::alloc::alloc_zeroed(layout) };
    ensure!(
        !elements.is_null(),
        "the system has no memory for {count} table elements"
    );
    // SAFETY: from the allocator that `Vec` uses, with the layout of so many elements; zeros are elements.
    Ok(unsafe { Vec::from_raw_parts(elements.cast(), count as usize, count as usize) })
}

/// How many cards so many elements have.
fn cards_of(elements: u64) -> u64 {
    elements.div_ceil(TABLE_CARD as u64)
}

fn extend<T: Clone>(list: &mut Vec<T>, by: u64, with: T) -> Result<()> {
    let by = usize::try_from(by).context("the table is too large")?;
    list.try_reserve_exact(by)
        .context("the system has no memory for a table of that size")?;
    list.resize(list.len() + by, with);
    Ok(())
}

impl Store {
    /// Makes a table if the store's limits allow, all elements `init`. Concrete references of
    /// its type are canonical.
    pub fn new_table(&mut self, ty: TableType, init: u64) -> Result<TableId> {
        self.hold_type(ValType::Ref(ty.element));
        self.add_table(ty, init, None)
    }

    pub(crate) fn add_table(
        &mut self,
        ty: TableType,
        init: u64,
        definition: Option<NonNull<VMTableDefinition>>,
    ) -> Result<TableId> {
        let count = self.tables.len();
        let as_size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        if let Some(limiter) = self.limiter() {
            ensure!(
                count < limiter.tables(),
                "resource limit exceeded: table count too high at {}",
                count + 1
            );
            ensure!(
                limiter.table_growing(0, as_size(ty.minimum), ty.maximum.map(as_size))?,
                "table minimum size of {} elements exceeds table limits",
                ty.minimum
            );
        } else {
            ensure!(
                count < crate::DEFAULT_TABLE_LIMIT,
                "resource limit exceeded: table count too high at {}",
                count + 1
            );
        }
        let is_traced = self.is_gc_type(ValType::Ref(ty.element));
        let table = TableInstance::new(ty, init, is_traced, definition)?;
        let id = TableId(count as u32);
        if is_traced {
            self.holders.tables.push(id);
        }
        self.tables.push(table);
        Ok(id)
    }

    /// Grows a table by `delta` elements that are `init`. Returns its size before, or `None` if it
    /// can't grow that far.
    ///
    /// # Errors
    /// If the limiter says that this must stop the guest.
    pub fn grow_table(&mut self, id: TableId, delta: u64, init: u64) -> Result<Option<u64>> {
        let table = self.table(id);
        let (ty, old) = (*table.ty(), table.size());
        let index_limit = if ty.table64 {
            u64::MAX
        } else {
            u64::from(u32::MAX)
        };
        let maximum = ty.maximum.unwrap_or(index_limit).min(index_limit);
        let as_size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let desired = old.saturating_add(delta);
        if let Some(limiter) = self.limiter()
            && !limiter.table_growing(as_size(old), as_size(desired), ty.maximum.map(as_size))?
        {
            return Ok(None);
        }
        let table = self.table_mut(id);
        let grown = if desired > maximum {
            Err(mainspring_error::Error::msg("Table maximum size exceeded"))
        } else {
            table.grow(delta, init)
        };
        match grown {
            Ok(()) => Ok(Some(old)),
            Err(error) => match self.limiter() {
                Some(limiter) => limiter.table_grow_failed(error).map(|()| None),
                None => Ok(None),
            },
        }
    }

    /// A table.
    pub fn table(&self, id: TableId) -> &TableInstance {
        &self.tables[id.0 as usize]
    }

    /// A table, to change.
    pub fn table_mut(&mut self, id: TableId) -> &mut TableInstance {
        &mut self.tables[id.0 as usize]
    }

    /// Copies elements between tables, or inside of one. False if a range is out of bounds.
    pub fn copy_table(
        &mut self,
        to: TableId,
        from: TableId,
        to_start: u64,
        from_start: u64,
        len: u64,
    ) -> bool {
        if !crate::memory::in_bounds(from_start, len, self.table(from).elements.len()) {
            return false;
        }
        let source = from_start as usize..(from_start + len) as usize;
        if to == from {
            let table = self.table_mut(to);
            if table.change_from(to_start, len).is_none() {
                return false;
            }
            table.elements.copy_within(source, to_start as usize);
            return true;
        }
        let [to, from] = self
            .tables
            .get_disjoint_mut([to.0 as usize, from.0 as usize])
            .expect("two tables of the store");
        let changed = to.change_from(to_start, len);
        changed
            .map(|elements| elements.copy_from_slice(&from.elements[source]))
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainspring_wasm::{HeapType, RefType};

    #[test]
    fn only_what_was_changed_is_shown_again() {
        let ty = TableType {
            element: RefType {
                nullable: true,
                heap: HeapType::Any,
            },
            minimum: 300,
            maximum: None,
            table64: false,
        };
        let mut table = TableInstance::new(ty, 0, true, None).unwrap();
        let seen = |table: &mut TableInstance, all, young: &dyn Fn(u32) -> bool| {
            let mut seen = Vec::new();
            table.each_reference(all, &mut |reference| {
                seen.push(*reference);
                young(*reference)
            });
            seen
        };
        assert_eq!(seen(&mut table, false, &|_| true), []);
        table.change(63..65).unwrap().copy_from_slice(&[8, 16]);
        table.change(299..300).unwrap()[0] = 24;
        assert!(table.change(299..301).is_none());
        assert!(table.change_from(u64::MAX, 2).is_none());
        assert!(table.change(300..300).is_some());
        assert_eq!(seen(&mut table, false, &|at| at == 16), [8, 16, 24]);
        // One is still young, and the rest is not of interest.
        assert_eq!(seen(&mut table, false, &|_| false), [16]);
        assert_eq!(seen(&mut table, false, &|_| false), []);
        table.grow(100, 32).unwrap();
        assert_eq!(seen(&mut table, false, &|_| false).len(), 101);
        assert_eq!(seen(&mut table, false, &|_| true), []);
        assert_eq!(seen(&mut table, true, &|_| false).len(), 103);
    }
}
