//! What generated code asks of the runtime about objects.

use super::{AllocateError, Heap};
use crate::builtins::{Call, Stop};
use crate::memory::in_bounds;
use mainspring_abi::TrapCode;
use mainspring_abi::gc::{ARRAY_ELEMENTS_AT, ObjectHeader};
use mainspring_wasm::{DataIndex, ElemIndex, TypeIndex};

impl From<AllocateError> for Stop {
    fn from(error: AllocateError) -> Stop {
        match error {
            AllocateError::TooLarge => Stop::Trap(TrapCode::AllocationTooLarge),
            AllocateError::Error(error) => Stop::Error(error),
        }
    }
}

/// Elements of an array that are inside of it.
struct Elements {
    /// Where the first one is.
    at: u32,
    /// Bytes of all.
    bytes: u32,
    /// Bytes of one.
    size: u32,
    are_references: bool,
}

impl Elements {
    /// Elements of an array, if it is not null, and they are there.
    fn of(heap: &Heap, array: u32, first: u32, len: u32) -> Result<Elements, TrapCode> {
        if array == 0 {
            return Err(TrapCode::NullReference);
        }
        let (size, are_references) = heap.element(array);
        let length = heap.array_length(array) as usize;
        if !in_bounds(first.into(), len.into(), length) {
            return Err(TrapCode::ArrayOutOfBounds);
        }
        Ok(Elements {
            at: array + ARRAY_ELEMENTS_AT + first * size,
            bytes: len * size,
            size,
            are_references,
        })
    }

    fn note_changed(&self, heap: &mut Heap) {
        if self.are_references {
            heap.note_changed(self.at..self.at + self.bytes);
        }
    }
}

impl Call<'_> {
    /// The header of objects of a type of the module.
    fn header(&self, ty: u32) -> ObjectHeader {
        self.instance().object_header(TypeIndex(ty))
    }

    fn heap(&mut self) -> Result<&mut Heap, TrapCode> {
        match self.store.heap.as_deref_mut() {
            Some(heap) => Ok(heap),
            // Where there are no objects, all references are null.
            None => Err(TrapCode::NullReference),
        }
    }

    pub(crate) fn struct_new(&mut self, ty: u32) -> Result<u32, Stop> {
        let header = self.header(ty);
        Ok(self.store.allocate(header, 0)?)
    }

    pub(crate) fn array_new(&mut self, ty: u32, length: u32) -> Result<u32, Stop> {
        let header = self.header(ty);
        Ok(self.store.allocate(header, length)?)
    }

    pub(crate) fn array_new_data(
        &mut self,
        ty: u32,
        segment: u32,
        from: u32,
        length: u32,
    ) -> Result<u32, Stop> {
        let header = self.header(ty);
        let size = self.store.heap_mut().element_of(header).0;
        self.check_data(segment, from, length, size)?;
        let array = self.array_new(ty, length)?;
        self.init_data(array, segment, 0, from, length)?;
        Ok(array)
    }

    pub(crate) fn array_new_elem(
        &mut self,
        ty: u32,
        segment: u32,
        from: u32,
        length: u32,
    ) -> Result<u32, Stop> {
        self.check_elem(segment, from, length)?;
        let array = self.array_new(ty, length)?;
        self.init_elem(array, segment, 0, from, length)?;
        Ok(array)
    }

    pub(crate) fn array_fill(
        &mut self,
        array: u32,
        first: u32,
        low: u64,
        high: u64,
        len: u32,
    ) -> Result<(), Stop> {
        let heap = self.heap()?;
        let elements = Elements::of(heap, array, first, len)?;
        let value = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        let value = &value[..elements.size as usize];
        let bytes = heap.bytes_mut(elements.at, elements.bytes);
        if value.iter().all(|byte| *byte == value[0]) {
            bytes.fill(value[0]);
        } else {
            let each = bytes.chunks_exact_mut(value.len());
            each.for_each(|element| element.copy_from_slice(value));
        }
        elements.note_changed(heap);
        Ok(())
    }

    pub(crate) fn array_copy(
        &mut self,
        to: u32,
        to_first: u32,
        from: u32,
        from_first: u32,
        len: u32,
    ) -> Result<(), Stop> {
        let heap = self.heap()?;
        let target = Elements::of(heap, to, to_first, len)?;
        let source = Elements::of(heap, from, from_first, len)?;
        assert_eq!(target.size, source.size, "validated to be arrays alike");
        heap.copy_within(source.at, target.at, target.bytes);
        target.note_changed(heap);
        Ok(())
    }

    pub(crate) fn init_data(
        &mut self,
        array: u32,
        segment: u32,
        first: u32,
        from: u32,
        len: u32,
    ) -> Result<(), Stop> {
        let elements = Elements::of(self.heap()?, array, first, len)?;
        self.check_data(segment, from, len, elements.size)?;
        if elements.bytes == 0 {
            return Ok(());
        }
        let module = self.instance().module().clone();
        let range = &module.info().data[DataIndex(segment).index()].range;
        let start = range.start + from;
        let data = module.code().read(&(start..start + elements.bytes))?;
        let bytes = self.heap()?.bytes_mut(elements.at, elements.bytes);
        bytes.copy_from_slice(&data);
        Ok(())
    }

    /// Whether so many elements of a size are in a data segment.
    fn check_data(&self, segment: u32, from: u32, len: u32, size: u32) -> Result<(), TrapCode> {
        let available = self.instance().data_len(DataIndex(segment));
        let bytes = u64::from(len) * u64::from(size);
        match in_bounds(from.into(), bytes, available) {
            true => Ok(()),
            false => Err(TrapCode::MemoryOutOfBounds),
        }
    }

    pub(crate) fn init_elem(
        &mut self,
        array: u32,
        segment: u32,
        first: u32,
        from: u32,
        len: u32,
    ) -> Result<(), Stop> {
        let elements = Elements::of(self.heap()?, array, first, len)?;
        self.check_elem(segment, from, len)?;
        let (id, size) = (self.instance().id(), elements.size as usize);
        let range = from as usize..from as usize + len as usize;
        let values = self.store.element_values(id, ElemIndex(segment), range);
        let heap = self.heap()?;
        let bytes = heap.bytes_mut(elements.at, elements.bytes);
        for (element, value) in bytes.chunks_exact_mut(size).zip(values) {
            element.copy_from_slice(&value.to_le_bytes()[..size]);
        }
        elements.note_changed(heap);
        Ok(())
    }

    /// Whether so many elements are in an element segment.
    fn check_elem(&self, segment: u32, from: u32, len: u32) -> Result<(), TrapCode> {
        let available = self.instance().elements_len(ElemIndex(segment));
        match in_bounds(from.into(), len.into(), available) {
            true => Ok(()),
            false => Err(TrapCode::TableOutOfBounds),
        }
    }
}
