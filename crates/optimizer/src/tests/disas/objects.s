;; function 0
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x50, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x40, %rsp
  movq %rbx, 0x10(%rsp)
  movq %r12, 0x18(%rsp)
  movq %r13, 0x20(%rsp)
  movq %r14, 0x28(%rsp)
  movq %r15, 0x30(%rsp)
block0:
  movq %rsi, %r15
  uninit  %rax
  xorl %eax, %eax
  movq (%rdi), %rbx
  movq 0x10(%rdi), %rcx
  movq (%rcx), %r12
  subq 0x18(%rdi), %r12
  movq 0x30(%rbx), %r13
  movq 8(%rdi), %rcx
  movq %rdi, <offset:1>+8(%rsp)
  movq 0x68(%rcx), %r14
  jmp     label1
block1:
  movl %eax, <offset:1>+(%rsp)
  movl 0x38(%rbx), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rdx
  movl 0x3c(%rbx), %esi
  cmpq %rsi, %rdx
  jnbe    label3; j label2
block2:
  leal 0x10(%rax), %edx
  movl %edx, 0x38(%rbx)
  movl %r12d, (%r13, %rcx)
  jmp     label4
block4:
  movl %eax, %ecx
  movq %r15, %rsi
  movl %esi, 4(%r13, %rcx)
  movl <offset:1>+(%rsp), %edx
  movl %edx, 8(%r13, %rcx)
  subl $0x1, %esi
  testl %esi, %esi
  jnz     label5; j label6
block5:
  movq %rsi, %r15
  jmp     label1
block6:
  movq 0x10(%rsp), %rbx
  movq 0x18(%rsp), %r12
  movq 0x20(%rsp), %r13
  movq 0x28(%rsp), %r14
  movq 0x30(%rsp), %r15
  addq $0x40, %rsp
  movq %rbp, %rsp
  popq %rbp
  retq
block3:
  uninit  %rsi
  xorl %esi, %esi
  movq <offset:1>+8(%rsp), %rdi
  call    *%r14
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0})], sp_to_sized_stack_slots: None }
  jmp     label4

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  uninit  %rax
  xorl %eax, %eax
  movq (%rdi), %rcx
  movq 0x30(%rcx), %rcx
  jmp     label1
block1:
  testl %esi, %esi
  jz      label3; j label2
block2:
  movl %esi, %edx
  movl 4(%rcx, %rdx), %edi
  movl 8(%rcx, %rdx), %esi
  leal (%rax, %rdi), %eax
  jmp     label1
block3:
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x40, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x30, %rsp
  movq %rbx, 0x10(%rsp)
  movq %r12, 0x18(%rsp)
  movq %r13, 0x20(%rsp)
block0:
  testl %esi, %esi
  jnz     label5; j label1
block1:
  movq (%rdi), %rbx
  movl 0x38(%rbx), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rdx
  movl 0x3c(%rbx), %esi
  cmpq %rsi, %rdx
  jnbe    label3; j label2
block2:
  leal 0x10(%rax), %edx
  movl %edx, 0x38(%rbx)
  movq 0x10(%rdi), %rdx
  movq 8(%rdx), %rdx
  subq 0x18(%rdi), %rdx
  movq 0x30(%rbx), %rsi
  movl %edx, (%rsi, %rcx)
  jmp     label4
block4:
  movq 0x30(%rbx), %rcx
  movl %eax, %edx
  movl $0x0, 4(%rcx, %rdx)
  movl $0x0, 8(%rcx, %rdx)
  jmp     label9
block5:
  movq %rdi, %r12
  movl $0x1, %eax
  movq %rax, %r13
  subl $0x1, %esi
  movq %rsi, %rbx
  call    User(userextname0)
  movl %eax, <offset:1>+8(%rsp)
  movq %rbx, %rsi
  movq %r12, %rdi
  call    User(userextname0)
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {8})], sp_to_sized_stack_slots: None }
  movl %eax, <offset:1>+(%rsp)
  movq %r12, %rdi
  movq (%rdi), %rbx
  movl 0x38(%rbx), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rdx
  movl 0x3c(%rbx), %esi
  cmpq %rsi, %rdx
  jnbe    label7; j label6
block6:
  leal 0x10(%rax), %edx
  movl %edx, 0x38(%rbx)
  movq %r12, %rdi
  movq 0x10(%rdi), %rdx
  movq 8(%rdx), %rdx
  subq 0x18(%rdi), %rdx
  movq 0x30(%rbx), %rsi
  movl %edx, (%rsi, %rcx)
  jmp     label8
block8:
  movl <offset:1>+8(%rsp), %edx
  movq 0x30(%rbx), %rcx
  movl %eax, %esi
  movl %edx, 4(%rcx, %rsi)
  movl <offset:1>+(%rsp), %edx
  movl %edx, 8(%rcx, %rsi)
  jmp     label9
block9:
  movq 0x10(%rsp), %rbx
  movq 0x18(%rsp), %r12
  movq 0x20(%rsp), %r13
  addq $0x30, %rsp
  movq %rbp, %rsp
  popq %rbp
  retq
block3:
  movq 8(%rdi), %rax
  movq 0x68(%rax), %rax
  movl $0x1, %esi
  call    *%rax
  jmp     label4
block7:
  movq %r12, %rdi
  movq 8(%rdi), %rax
  movq 0x68(%rax), %rax
  movq %r13, %rsi
  call    *%rax
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0, 8})], sp_to_sized_stack_slots: None }
  jmp     label8

;; function 3
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x60, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x50, %rsp
  movq %rbx, 0x20(%rsp)
  movq %r12, 0x28(%rsp)
  movq %r13, 0x30(%rsp)
  movq %r14, 0x38(%rsp)
  movq %r15, 0x40(%rsp)
block0:
  movl %esi, <offset:1>+(%rsp)
  movq (%rdi), %r12
  movq 0x30(%r12), %rbx
  movl %esi, %eax
  movl %esi, 8(%rbx, %rax)
  leal 8(%rsi), %ecx
  shrl $0x9, %ecx
  movb $0x1, -0x800000(%rbx, %rcx)
  movl 4(%rbx, %rax), %esi
  testl %esi, %esi
  jnz     label5; j label1
block1:
  movl 0x38(%r12), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rdx
  movl 0x3c(%r12), %esi
  cmpq %rsi, %rdx
  jnbe    label3; j label2
block2:
  leal 0x10(%rax), %edx
  movl %edx, 0x38(%r12)
  movq 0x10(%rdi), %rdx
  movq 8(%rdx), %rdx
  subq 0x18(%rdi), %rdx
  movl %edx, (%rbx, %rcx)
  jmp     label4
block4:
  movl %eax, %ecx
  movl $0x0, 4(%rbx, %rcx)
  movl $0x0, 8(%rbx, %rcx)
  jmp     label9
block5:
  movq %rdi, %r13
  movl $0x1, %eax
  movq %rax, %r14
  subl $0x1, %esi
  movq %rsi, %r15
  call    User(userextname0)
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0})], sp_to_sized_stack_slots: None }
  movl %eax, <offset:1>+0x10(%rsp)
  movq %r15, %rsi
  movq %r13, %rdi
  call    User(userextname0)
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0, 16})], sp_to_sized_stack_slots: None }
  movl %eax, <offset:1>+8(%rsp)
  movl 0x38(%r12), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rdx
  movl 0x3c(%r12), %esi
  cmpq %rsi, %rdx
  jnbe    label7; j label6
block6:
  leal 0x10(%rax), %edx
  movl %edx, 0x38(%r12)
  movq %r13, %rdi
  movq 0x10(%rdi), %rdx
  movq 8(%rdx), %rdx
  subq 0x18(%rdi), %rdx
  movl %edx, (%rbx, %rcx)
  jmp     label8
block8:
  movl <offset:1>+0x10(%rsp), %edi
  movl %eax, %esi
  movl %edi, 4(%rbx, %rsi)
  movl <offset:1>+8(%rsp), %edi
  movl %edi, 8(%rbx, %rsi)
  jmp     label9
block9:
  movl <offset:1>+(%rsp), %r8d
  movl %r8d, %r8d
  movl 4(%rbx, %r8), %r8d
  leal (%r8, %r8), %eax
  movq 0x20(%rsp), %rbx
  movq 0x28(%rsp), %r12
  movq 0x30(%rsp), %r13
  movq 0x38(%rsp), %r14
  movq 0x40(%rsp), %r15
  addq $0x50, %rsp
  movq %rbp, %rsp
  popq %rbp
  retq
block3:
  movq 8(%rdi), %rax
  movq 0x68(%rax), %rax
  movl $0x1, %esi
  call    *%rax
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0})], sp_to_sized_stack_slots: None }
  jmp     label4
block7:
  movq %r13, %rdi
  movq 8(%rdi), %rsi
  movq 0x68(%rsi), %r8
  movq %r14, %rsi
  call    *%r8
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0, 8, 16})], sp_to_sized_stack_slots: None }
  jmp     label8

;; function 4
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rsi, %rcx
  uninit  %rsi
  xorl %esi, %esi
  movq (%rdi), %rax
  movq 0x30(%rax), %rdi
  movq %rcx, %rax
  movl %eax, %ecx
  leaq (%rdi, %rcx), %rdx
  movq %rsi, %rax
  jmp     label1
block1:
  movl 4(%rdi, %rcx), %r8d
  cmpl %r8d, %esi
  jnb     label3; j label2
block2:
  movl %esi, %r9d
  leaq (%rdx, %r9, 4), %r9
  uninit  %r10
  xorq %r10, %r10
  cmpl %r8d, %esi
  cmovaeq %r10, %r9
  leal 1(%rsi), %esi
  addl 8(%r9), %eax
  jmp     label1
block3:
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 5
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq (%rdi), %rax
  movq 0x30(%rax), %rax
  movl %esi, %edi
  leaq (%rax, %rdi), %r9
  uninit  %r8
  xorq %r8, %r8
  movl %edx, %r10d
  leaq (%r9, %r10, 4), %r9
  cmpl 4(%rax, %rdi), %edx
  cmovaeq %r8, %r9
  movl %ecx, 8(%r9)
  leal 8(%rsi, %rdx, 4), %ecx
  shrl $0x9, %ecx
  movb $0x1, -0x800000(%rax, %rcx)
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 6
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  movq (%rdi), %rcx
  movl 0x38(%rcx), %eax
  cmpl $0x7e, %esi
  seta %r10b
  movl %eax, %edx
  movl %esi, %r9d
  shlq $0x2, %r9
  leaq 0xf(%r9), %r8
  andq $0xfffffffffffffff8, %r8
  leaq (%rdx, %r8), %r8
  movl 0x3c(%rcx), %r11d
  cmpq %r11, %r8
  seta %r11b
  orl %r11d, %r10d
  testb %r10b, %r10b
  jnz     label5; j label1
block1:
  leal 0xf(%r9), %r9d
  andl $0xfffffff8, %r9d
  leal (%rax, %r9), %r9d
  movl %r9d, 0x38(%rcx)
  movq 0x10(%rdi), %r9
  movq 0x18(%r9), %r9
  subq 0x18(%rdi), %r9
  movq 0x30(%rcx), %rdi
  movl %r9d, (%rdi, %rdx)
  movl %esi, 4(%rdi, %rdx)
  leaq 8(%rdi, %rdx), %rcx
  leaq (%rdi, %r8), %rdx
  jmp     label2
block2:
  cmpq %rdx, %rcx
  jb      label4; j label3
block3:
  jmp     label6
block4:
  movq $0x0, (%rcx)
  leaq 8(%rcx), %rcx
  jmp     label2
block6:
  movq %rbp, %rsp
  popq %rbp
  retq
block5:
  movq %rsi, %rdx
  movq 8(%rdi), %rax
  movq 0x70(%rax), %rax
  movl $0x3, %esi
  call    *%rax
  jmp     label6

;; function 7
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl %esi, %esi
  jz #trap=user17
  jmp     label1
block1:
  testl $0x1, %esi
  jnz #trap=user17
  jmp     label2
block2:
  movq (%rdi), %rax
  movq 0x30(%rax), %rax
  movl %esi, %ecx
  movl (%rax, %rcx), %eax
  movq 0x10(%rdi), %rcx
  movq (%rcx), %rcx
  subq 0x18(%rdi), %rcx
  cmpl %ecx, %eax
  jnz #trap=user17
  jmp     label3
block3:
  movq %rsi, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 8
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl %esi, %esi
  jnz     label2; j label1
block1:
  jmp     label7
block2:
  testl $0x1, %esi
  jnz     label3; j label4
block3:
  jmp     label7
block4:
  movq (%rdi), %rax
  movq 0x30(%rax), %rax
  movl %esi, %ecx
  movl (%rax, %rcx), %edx
  movq 0x18(%rdi), %r8
  movl %edx, %edx
  movq 0x10(%r8, %rdx), %rdx
  movq 0x10(%rdi), %rdi
  movq 8(%rdi), %rdi
  cmpq %rdi, %rdx
  jz      label6; j label5
block5:
  jmp     label7
block6:
  movl 4(%rax, %rcx), %eax
  testl %eax, %eax
  sete %al
  movzbl %al, %eax
  movq %rbp, %rsp
  popq %rbp
  retq
block7:
  movl $0x1, %ecx
  testl %esi, %esi
  jnz     label9; j label8
block8:
  movq %rcx, %rax
  jmp     label12
block9:
  uninit  %rax
  xorl %eax, %eax
  testl $0x1, %esi
  jnz     label10; j label11
block10:
  movq %rcx, %rax
  jmp     label12
block11:
  jmp     label12
block12:
  movq %rbp, %rsp
  popq %rbp
  retq

