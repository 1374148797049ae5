//! Tables of references.

use crate::store::Store;
use anyhow::{Context, Result, ensure};
use mainspring_abi::VMTableDefinition;
use mainspring_wasm::{TableType, ValType};
use std::alloc::Layout;
use std::ptr::NonNull;

/// A table of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TableId(pub u32);

/// A table. Its elements are 8 bytes each, as generated code sees them.
#[derive(Debug)]
pub struct TableInstance {
    ty: TableType,
    elements: Vec<u64>,
    /// In the owner's VM context, or in `host_definition`.
    definition: NonNull<VMTableDefinition>,
    _host_definition: Option<Box<VMTableDefinition>>,
}

impl TableInstance {
    fn new(
        ty: TableType,
        init: u64,
        definition: Option<NonNull<VMTableDefinition>>,
    ) -> Result<TableInstance> {
        let elements = if init == 0 {
            nulls(ty.minimum)?
        } else {
            let mut elements = Vec::new();
            extend(&mut elements, ty.minimum, init)?;
            elements
        };
        let mut fresh = Box::new(VMTableDefinition {
            base: std::ptr::null_mut(),
            length: 0,
        });
        let (definition, host_definition) = match definition {
            Some(place) => (place, None),
            None => (NonNull::from(fresh.as_mut()), Some(fresh)),
        };
        let mut table = TableInstance {
            ty,
            elements,
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

    /// The elements, to change.
    pub fn elements_mut(&mut self) -> &mut [u64] {
        &mut self.elements
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

fn extend(elements: &mut Vec<u64>, by: u64, with: u64) -> Result<()> {
    let by = usize::try_from(by).context("the table is too large")?;
    elements
        .try_reserve_exact(by)
        .with_context(|| format!("the system has no memory for {by} more table elements"))?;
    elements.resize(elements.len() + by, with);
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
        let table = TableInstance::new(ty, init, definition)?;
        let id = TableId(count as u32);
        if self.is_gc_type(ValType::Ref(ty.element)) {
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
            Err(anyhow::Error::msg("Table maximum size exceeded"))
        } else {
            extend(&mut table.elements, delta, init)
        };
        table.publish();
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
        let fits = |store: &Store, id, start| {
            crate::memory::in_bounds(start, len, store.table(id).elements.len())
        };
        if !fits(self, to, to_start) || !fits(self, from, from_start) {
            return false;
        }
        let (to_start, from_start, len) = (to_start as usize, from_start as usize, len as usize);
        if to == from {
            self.table_mut(to)
                .elements
                .copy_within(from_start..from_start + len, to_start);
        } else {
            let [to, from] = self
                .tables
                .get_disjoint_mut([to.0 as usize, from.0 as usize])
                .expect("two tables of the store");
            to.elements[to_start..to_start + len]
                .copy_from_slice(&from.elements[from_start..from_start + len]);
        }
        true
    }
}
