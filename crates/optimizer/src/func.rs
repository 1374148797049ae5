//! The state of one function's translation, and its frame: signature, VM context, locals, the
//! operand stack.
//!
//! A [`Func`] is alive only while one body is translated. The operand stack holds Cranelift
//! values; while code is unreachable it is left alone, because operators are then skipped
//! (see [`crate::control`]).

use crate::control::Frame;
use crate::crowds::Crowds;
use crate::inline::{Body, Inlining};
use crate::memory::HeapInfo;
use crate::objects::ElementKind;
use crate::osr::LoopEntry;
use crate::types::{self, decoded_type, value_type};
use crate::{isa, limits, trap};
use cranelift_codegen::entity::EntitySet;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{
    AliasRegion, AliasRegionData, Endianness, FuncRef, Function, GlobalValueData, InstBuilder,
    MemFlagsData, SigRef, SourceLoc, StackSlot, Type, UserFuncName, Value,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use mainspring_abi::gc::StructLayout;
use mainspring_abi::{
    Builtin, FunctionInput, InlinedCall, ResultPassing, TrapCode, VMContextHeader, VMStoreContext,
};
use mainspring_error::{Context, Result};
use mainspring_wasm::{FuncIndex, FuncType, ModuleInfo, TypeIndex, ValType};
use std::collections::HashMap;
use std::mem::offset_of;
use std::rc::Rc;
use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

/// Memory that translations reuse.
#[derive(Default)]
pub(crate) struct TranslationBuffers {
    stack: Vec<Value>,
    locals: Vec<Variable>,
    /// What the source locations in Cranelift's IR are positions in.
    pub(crate) sources: Vec<Source>,
    /// The calls that were inlined.
    pub(crate) inlined_calls: Vec<InlinedCall>,
}

/// An instruction of a body.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    /// Its offset in the module.
    pub(crate) wasm: u32,
    /// The inlined call that it came with, or [`InlinedCall::NONE`].
    pub(crate) call: u32,
}

/// A function on its way to Cranelift IR.
pub(crate) struct Func<'a, 'b> {
    pub(crate) builder: FunctionBuilder<'b>,
    pub(crate) input: &'b FunctionInput<'a>,
    pub(crate) module: &'a ModuleInfo,
    /// Whether the processor rounds floats itself.
    pub(crate) has_rounding: bool,
    /// Whether the processor multiplies and adds with one rounding.
    pub(crate) has_fma: bool,
    /// This function's own VM context.
    pub(crate) vmctx: Value,
    /// Where results go, if not to registers.
    pub(crate) result_area: Option<Value>,
    /// The operand stack.
    pub(crate) stack: Vec<Value>,
    /// Open blocks, innermost last. The first is the function itself.
    pub(crate) control: Vec<Frame<'a>>,
    /// Which of them are `try_table`s.
    pub(crate) try_tables: Vec<usize>,
    /// What branches go to.
    pub(crate) crowds: Crowds,
    /// Whether the operators being read can be reached.
    pub(crate) reachable: bool,
    /// Whether the body has any.
    has_loops: bool,
    /// How many operands there were at each block that was made so far, all together, and how many blocks that were.
    operands_in_blocks: usize,
    blocks_before: usize,
    /// How many blocks were opened since code became unreachable.
    pub(crate) skipped_blocks: usize,
    /// Whose body the operators are.
    pub(crate) body: Body,
    /// Each local's variable, of all bodies that are open.
    pub(crate) locals: Vec<Variable>,
    /// Values that are references to objects, or null: see [`crate::roots`].
    pub(crate) references: EntitySet<Value>,
    /// Variables that hold such values.
    pub(crate) reference_locals: EntitySet<Variable>,
    /// How many references the collector has to find.
    pub(crate) root_count: usize,
    /// How the struct types that were used so far are laid out.
    pub(crate) struct_layouts: HashMap<TypeIndex, Rc<StructLayout>>,
    /// The types of the compiled function's own locals.
    pub(crate) local_types: Vec<ValType>,
    /// Where code that begins at a loop is entered, until that loop is reached.
    pub(crate) loop_entry: Option<LoopEntry>,
    pub(crate) sources: Vec<Source>,
    pub(crate) inlined_calls: Vec<InlinedCall>,
    pub(crate) inlining: Inlining,
    /// What is known about the memories that were accessed so far.
    pub(crate) heaps: HashMap<u32, HeapInfo>,
    signatures: HashMap<TypeIndex, SigRef>,
    builtin_signatures: HashMap<Builtin, SigRef>,
    pub(crate) callees: HashMap<FuncIndex, FuncRef>,
    pub(crate) result_slots: HashMap<u32, StackSlot>,
}

/// Disjoint parts of memory: an access to one never touches another. Entities of different index
/// spaces can't overlap, and neither can an imported one and one the module defines, because the
/// import existed first. Two imports may be one and the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Region {
    /// The VM context, apart from values of globals; definitions of memories and tables.
    Context,
    /// What all instances of the store share.
    Store,
    /// Elements of tables.
    Tables,
    /// What function references point to.
    FuncRefs,
    /// Values of imported globals.
    ImportedGlobals,
    /// The value of a global the module defines.
    Global(u32),
    /// Bytes of imported memories.
    ImportedMemories,
    /// Bytes of a memory the module defines.
    Memory(u32),
    /// Areas in which results come back.
    Results,
    /// Exceptions.
    Exceptions,
    /// How far objects go in the heap.
    Heap,
    /// Headers of objects.
    Headers,
    /// Lengths of arrays.
    Lengths,
    /// A field of structs, by its offset: an object's fields do not overlap, and whatever types it is seen as, they
    /// agree on where these are.
    Field(u32),
    /// Elements of arrays of a kind.
    Elements(ElementKind),
    /// What notes which parts of the heap were changed.
    Cards,
    /// A stack slot in which the collector finds a reference.
    Root(u32),
}

impl Region {
    /// Entities from this number on share a region: the analysis keeps a row per region and block.
    const DISTINCT: u32 = 8;
    /// Bytes of a struct whose fields share a region.
    const FIELD_BYTES: u32 = 4;

    fn name(self) -> &'static str {
        match self {
            Region::Context => "context",
            Region::Store => "store",
            Region::Tables => "tables",
            Region::FuncRefs => "function references",
            Region::ImportedGlobals => "imported globals",
            Region::ImportedMemories => "imported memories",
            Region::Results => "results",
            Region::Exceptions => "exceptions",
            Region::Global(_) => "global",
            Region::Memory(_) => "memory",
            Region::Heap => "heap",
            Region::Headers => "headers",
            Region::Lengths => "lengths",
            Region::Field(_) => "field",
            Region::Elements(_) => "elements",
            Region::Cards => "cards",
            Region::Root(_) => "root",
        }
    }

    fn id(self) -> u32 {
        match self {
            Region::Context => 0,
            Region::Store => 1,
            Region::Tables => 2,
            Region::FuncRefs => 3,
            Region::ImportedGlobals => 4,
            Region::ImportedMemories => 5,
            Region::Results => 6,
            Region::Exceptions => 11,
            Region::Global(n) => 16 + n.min(Region::DISTINCT),
            Region::Memory(n) => 32 + n.min(Region::DISTINCT),
            Region::Heap => 7,
            Region::Headers => 8,
            Region::Lengths => 9,
            Region::Cards => 10,
            Region::Root(n) => 48 + n.min(Region::DISTINCT),
            Region::Field(offset) => 64 + (offset / Region::FIELD_BYTES).min(Region::DISTINCT),
            Region::Elements(kind) => 80 + kind as u32,
        }
    }

    /// What Cranelift is told of it.
    pub(crate) fn data(self) -> AliasRegionData {
        AliasRegionData {
            user_id: self.id(),
            description: self.name().into(),
        }
    }
}

/// Translates a body to Cranelift IR in `function`, which is empty.
pub(crate) fn translate<'a>(
    input: &FunctionInput<'a>,
    isa: &dyn TargetIsa,
    function: &mut Function,
    builder: &mut FunctionBuilderContext,
    buffers: &mut TranslationBuffers,
) -> Result<()> {
    let module = input.module;
    let func_type = module.func_type(module.func_of(input.index));
    function.name = UserFuncName::user(0, input.index.0);
    function.signature = types::wasm_signature(module, func_type);

    let body = FunctionBody::new(BinaryReader::new(
        input.body,
        u64::from(input.body_offset()),
    ));
    let mut func = Func::new(input, isa, function, builder, buffers);
    func.has_loops = has_loops(&body)?;
    func.enter(func_type, &body)?;
    func.operators(body.get_operators_reader()?)?;

    func.seal()?;
    let Func {
        builder,
        stack,
        locals,
        sources,
        inlined_calls,
        ..
    } = func;
    builder.finalize(isa.frontend_config());
    *buffers = TranslationBuffers {
        stack,
        locals,
        sources,
        inlined_calls,
    };
    Ok(())
}

fn has_loops(body: &FunctionBody<'_>) -> Result<bool> {
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        if matches!(operators.read()?, Operator::Loop { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn local_types(func_type: &FuncType, body: &FunctionBody<'_>) -> Result<Vec<ValType>> {
    let mut types = func_type.params.to_vec();
    for declaration in body.get_locals_reader()? {
        let (count, ty) = declaration?;
        types.resize(types.len() + count as usize, decoded_type(ty)?);
    }
    Ok(types)
}

impl<'a, 'b> Func<'a, 'b> {
    fn new(
        input: &'b FunctionInput<'a>,
        isa: &dyn TargetIsa,
        function: &'b mut Function,
        builder: &'b mut FunctionBuilderContext,
        buffers: &mut TranslationBuffers,
    ) -> Func<'a, 'b> {
        let mut buffers = std::mem::take(buffers);
        buffers.stack.clear();
        buffers.locals.clear();
        buffers.sources.clear();
        buffers.inlined_calls.clear();
        Func {
            builder: FunctionBuilder::new(function, builder),
            input,
            module: input.module,
            has_rounding: isa::has(isa, "has_sse41"),
            has_fma: isa::has(isa, "has_avx") && isa::has(isa, "has_fma"),
            // Defined by `enter`, before anything reads it.
            vmctx: Value::from_u32(0),
            result_area: None,
            stack: buffers.stack,
            control: Vec::new(),
            try_tables: Vec::new(),
            crowds: Crowds::default(),
            reachable: true,
            has_loops: true,
            operands_in_blocks: 0,
            blocks_before: 0,
            skipped_blocks: 0,
            body: Body::compiled(input.module.func_of(input.index)),
            locals: buffers.locals,
            references: EntitySet::new(),
            reference_locals: EntitySet::new(),
            root_count: 0,
            struct_layouts: HashMap::new(),
            local_types: Vec::new(),
            loop_entry: None,
            sources: buffers.sources,
            inlined_calls: buffers.inlined_calls,
            inlining: Inlining::default(),
            heaps: HashMap::new(),
            signatures: HashMap::new(),
            builtin_signatures: HashMap::new(),
            callees: HashMap::new(),
            result_slots: HashMap::new(),
        }
    }

    /// The entry block: parameters, stack limit, locals, the outermost frame.
    fn enter(&mut self, func_type: &'a FuncType, body: &FunctionBody<'_>) -> Result<()> {
        let entry = self.builder.create_block();
        self.builder.append_block_params_for_function_params(entry);
        self.builder.switch_to_block(entry);
        self.builder.seal_block(entry);
        self.set_source(self.input.body_offset());

        let params = self.builder.block_params(entry).to_vec();
        self.vmctx = params[0];
        let mut wasm_params = &params[1..];
        if ResultPassing::of(&func_type.results) == ResultPassing::Memory {
            self.result_area = Some(params[1]);
            wasm_params = &params[2..];
        }
        self.check_stack_limit();
        self.begin();
        for (&value, &ty) in wasm_params.iter().zip(&func_type.params) {
            self.declare_local(ty, value);
        }
        self.declare_body_locals(body)?;
        if self.loop_entry.is_some() {
            self.local_types = local_types(func_type, body)?;
        }
        self.control.push(Frame::function(func_type, 0, 0));
        Ok(())
    }

    pub(crate) fn declare_local(&mut self, ty: ValType, value: Value) {
        let variable = self.builder.declare_var(value_type(self.module, ty));
        if self.is_collected(ty) {
            self.builder.declare_var_needs_stack_map(variable);
            self.reference_locals.insert(variable);
            self.root_count += 1;
        }
        self.builder.def_var(variable, value);
        self.locals.push(variable);
    }

    pub(crate) fn declare_body_locals(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        for declaration in body.get_locals_reader()? {
            let (count, ty) = declaration?;
            let ty = decoded_type(ty)?;
            // One zero serves all of a declaration.
            let zero = self.zero(value_type(self.module, ty));
            for _ in 0..count {
                self.declare_local(ty, zero);
            }
        }
        Ok(())
    }

    /// Has the prologue compare the stack pointer with the store's limit.
    fn check_stack_limit(&mut self) {
        let flags = self.readonly_flags();
        let store_flags = self.builder.func.dfg.mem_flags.insert_unchecked(flags);
        let limit_flags = MemFlagsData::trusted().with_alias_region(self.region(Region::Store));
        let limit_flags = self
            .builder
            .func
            .dfg
            .mem_flags
            .insert_unchecked(limit_flags);
        let function = &mut *self.builder.func;
        let vmctx = function.create_global_value(GlobalValueData::VMContext);
        let store = function.create_global_value(GlobalValueData::Load {
            base: vmctx,
            offset: Offset32::new(offset_of!(VMContextHeader, store) as i32),
            global_type: I64,
            flags: store_flags,
        });
        let limit = function.create_global_value(GlobalValueData::Load {
            base: store,
            offset: Offset32::new(offset_of!(VMStoreContext, stack_limit) as i32),
            global_type: I64,
            flags: limit_flags,
        });
        function.stack_limit = Some(limit);
    }

    /// Code from here on belongs to an instruction of the body at hand.
    fn set_source(&mut self, wasm: u32) {
        // A body has fewer instructions than bytes.
        let position = self.sources.len() as u32;
        let call = self.body.call;
        self.sources.push(Source { wasm, call });
        self.builder.set_srcloc(SourceLoc::new(position));
    }

    pub(crate) fn operators(&mut self, mut reader: OperatorsReader<'a>) -> Result<()> {
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset()?;
            // Offsets fit: modules are at most 4 GiB, which decoding checks.
            self.set_source(offset as u32);
            self.operator(&operator)
                .and_then(|()| self.check_size())
                .with_context(|| format!("at offset {offset:#x}"))?;
        }
        Ok(())
    }

    fn check_size(&mut self) -> Result<()> {
        let blocks = self.builder.func.dfg.num_blocks();
        self.operands_in_blocks += (blocks - self.blocks_before) * self.stack.len();
        self.blocks_before = blocks;
        limits::check_operands(self.operands_in_blocks)?;
        let body_bytes = self.input.body.len();
        limits::check_size(self.builder.func, body_bytes, self.locals.len())
    }

    // The operand stack.

    pub(crate) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    pub(crate) fn pop(&mut self) -> Value {
        self.stack
            .pop()
            .expect("validated: the operand is on the stack")
    }

    /// The uppermost operand, which stays.
    pub(crate) fn top(&self) -> Value {
        *self
            .stack
            .last()
            .expect("validated: the operand is on the stack")
    }

    /// Pops two operands, in the order in which they were pushed.
    pub(crate) fn pop2(&mut self) -> (Value, Value) {
        let second = self.pop();
        (self.pop(), second)
    }

    /// Pops three operands, in the order in which they were pushed.
    pub(crate) fn pop3(&mut self) -> (Value, Value, Value) {
        let third = self.pop();
        let (first, second) = self.pop2();
        (first, second, third)
    }

    /// Brings the uppermost `count` operands into the form in which they cross blocks.
    pub(crate) fn settle(&mut self, count: usize) {
        for i in self.stack.len() - count..self.stack.len() {
            self.stack[i] = self.settled(self.stack[i]);
        }
    }

    /// A value in the form in which it crosses blocks, variables and functions.
    pub(crate) fn settled(&mut self, value: Value) -> Value {
        if self.type_of(value).is_vector() {
            self.as_vector(value, I8X16)
        } else {
            value
        }
    }

    /// A vector seen as lanes of another type.
    pub(crate) fn as_vector(&mut self, value: Value, ty: Type) -> Value {
        if self.type_of(value) == ty {
            return value;
        }
        let flags = self.bits_flags();
        self.builder.ins().bitcast(ty, flags, value)
    }

    /// Flags of a bitcast: lane 0 is the lowest byte.
    pub(crate) fn bits_flags(&self) -> MemFlagsData {
        MemFlagsData::new().with_endianness(Endianness::Little)
    }

    pub(crate) fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }

    /// The zero, or null, of a type.
    pub(crate) fn zero(&mut self, ty: Type) -> Value {
        match ty {
            F32 => self.builder.ins().f32const(0.0),
            F64 => self.builder.ins().f64const(0.0),
            ty if ty.is_vector() => self.vector_const(ty, &[0; 16]),
            ty => self.builder.ins().iconst(ty, 0),
        }
    }

    /// A truth value as wasm has it.
    pub(crate) fn push_bool(&mut self, truth: Value) {
        let value = self.builder.ins().uextend(I32, truth);
        self.push(value);
    }

    // Locals.

    pub(crate) fn local_get(&mut self, index: u32) {
        let variable = self.locals[self.body.first_local + index as usize];
        let value = self.builder.use_var(variable);
        if self.reference_locals.contains(variable) {
            self.references.insert(value);
        }
        self.push(value);
    }

    pub(crate) fn local_set(&mut self, index: u32) {
        let value = self.pop();
        let value = self.settled(value);
        self.builder
            .def_var(self.locals[self.body.first_local + index as usize], value);
    }

    pub(crate) fn local_tee(&mut self, index: u32) {
        self.local_set(index);
        self.local_get(index);
    }

    pub(crate) fn select(&mut self) {
        let condition = self.pop();
        self.settle(2);
        let (first, second) = self.pop2();
        let value = self.builder.ins().select(condition, first, second);
        if self.references.contains(first) || self.references.contains(second) {
            self.root(value);
        }
        self.push(value);
    }

    // The VM context.

    /// Cranelift's handle of a region.
    pub(crate) fn region(&mut self, region: Region) -> Option<AliasRegion> {
        Some(self.builder.func.dfg.alias_regions.insert(region.data()))
    }

    /// Flags of an access that can't fail.
    pub(crate) fn trusted_flags(&mut self, region: Region) -> MemFlagsData {
        MemFlagsData::trusted()
            .with_endianness(Endianness::Little)
            .with_alias_region(self.region(region))
    }

    /// Flags of a load that can't fail, of what never changes while an instance lives.
    ///
    /// Said to the code generator, it has one load do for all, also before and behind a call. In a loop that is worth a register
    /// that calls preserve. In a function without any, saving and restoring that takes more than loading twice.
    pub(crate) fn readonly_flags(&mut self) -> MemFlagsData {
        let flags = self.trusted_flags(Region::Context);
        match self.has_loops {
            true => flags.with_readonly().with_can_move(),
            false => flags,
        }
    }

    /// Loads what never changes from the VM context.
    pub(crate) fn context_constant(&mut self, ty: Type, offset: u32) -> Value {
        let flags = self.readonly_flags();
        self.builder
            .ins()
            .load(ty, flags, self.vmctx, offset as i32)
    }

    /// The address of something in the VM context.
    pub(crate) fn context_address(&mut self, offset: u32) -> Value {
        self.builder.ins().iadd_imm_s(self.vmctx, i64::from(offset))
    }

    /// The store's shared context.
    pub(crate) fn store_context(&mut self) -> Value {
        self.context_constant(I64, offset_of!(VMContextHeader, store) as u32)
    }

    // Signatures and builtins.

    pub(crate) fn signature(&mut self, ty: TypeIndex) -> SigRef {
        let (module, builder) = (self.module, &mut self.builder);
        *self.signatures.entry(ty).or_insert_with(|| {
            let signature = types::wasm_signature(module, module.func_type_at(ty));
            builder.import_signature(signature)
        })
    }

    /// Calls a builtin with the VM context and `args`.
    pub(crate) fn call_builtin(&mut self, builtin: Builtin, args: &[Value]) -> Option<Value> {
        let builder = &mut self.builder;
        let signature = *self
            .builtin_signatures
            .entry(builtin)
            .or_insert_with(|| builder.import_signature(types::builtin_signature(builtin)));
        let table = self.context_constant(I64, offset_of!(VMContextHeader, builtins) as u32);
        let flags = self.readonly_flags();
        let entry = self
            .builder
            .ins()
            .load(I64, flags, table, builtin.table_offset() as i32);
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(self.vmctx);
        all.extend_from_slice(args);
        let call = self.builder.ins().call_indirect(signature, entry, &all);
        self.builder.inst_results(call).first().copied()
    }

    /// An index or size as 64 bits, whatever indexes the memory or table.
    pub(crate) fn widen(&mut self, value: Value) -> Value {
        if self.type_of(value) == I64 {
            value
        } else {
            self.builder.ins().uextend(I64, value)
        }
    }

    /// A 64-bit result as wide as what indexes the memory or table.
    pub(crate) fn narrow(&mut self, value: Value, is64: bool) -> Value {
        if is64 {
            value
        } else {
            self.builder.ins().ireduce(I32, value)
        }
    }

    pub(crate) fn iconst32(&mut self, value: u32) -> Value {
        self.builder.ins().iconst(I32, i64::from(value))
    }

    /// Guards an address against an out-of-bounds index: traps with `code`, or, if speculation
    /// is to be reckoned with, becomes an address whose access faults (flags with that code
    /// must then be used, which is why they come from here).
    pub(crate) fn guard_address(
        &mut self,
        out_of_bounds: Value,
        address: Value,
        code: TrapCode,
        region: Region,
    ) -> (Value, MemFlagsData) {
        let region = self.region(region);
        let flags = MemFlagsData::new()
            .with_endianness(Endianness::Little)
            .with_alias_region(region)
            .with_trap_code(Some(trap::to_cranelift(code)));
        if self.input.settings.spectre_mitigation {
            let nowhere = self.builder.ins().iconst(I64, 0);
            let address = self
                .builder
                .ins()
                .select_spectre_guard(out_of_bounds, nowhere, address);
            (address, flags)
        } else {
            self.trap_if(out_of_bounds, code);
            (address, flags)
        }
    }

    pub(crate) fn is_null(&mut self, reference: Value) -> Value {
        self.builder.ins().icmp_imm_u(IntCC::Equal, reference, 0)
    }
}
