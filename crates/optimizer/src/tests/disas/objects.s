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
  movq (%rdi), %rdx
  movl 0x38(%rdx), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rsi
  movl 0x3c(%rdx), %r8d
  cmpq %r8, %rsi
  jnbe    label3; j label2
block2:
  leal 0x10(%rax), %esi
  movl %esi, 0x38(%rdx)
  movq 0x30(%rdx), %rdx
  movq 0x10(%rdi), %rsi
  movq 8(%rsi), %rsi
  subq 0x18(%rdi), %rsi
  movl %esi, (%rdx, %rcx)
  movq %rdi, %rbx
  jmp     label4
block4:
  movq (%rbx), %rcx
  movq 0x30(%rcx), %rcx
  movl %eax, %edx
  movl $0x0, 4(%rcx, %rdx)
  movl $0x0, 8(%rcx, %rdx)
  jmp     label9
block5:
  movq %rdi, %rbx
  movl $0x1, %eax
  movq %rax, %r12
  subl $0x1, %esi
  movq %rsi, %r13
  call    User(userextname0)
  movl %eax, <offset:1>+8(%rsp)
  movq %r13, %rsi
  movq %rbx, %rdi
  call    User(userextname0)
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {8})], sp_to_sized_stack_slots: None }
  movl %eax, <offset:1>+(%rsp)
  movq (%rbx), %rdx
  movl 0x38(%rdx), %eax
  movl %eax, %ecx
  leaq 0x10(%rcx), %rsi
  movl 0x3c(%rdx), %edi
  cmpq %rdi, %rsi
  jnbe    label7; j label6
block6:
  leal 0x10(%rax), %esi
  movl %esi, 0x38(%rdx)
  movq 0x30(%rdx), %rdx
  movq 0x10(%rbx), %rsi
  movq 8(%rsi), %rsi
  subq 0x18(%rbx), %rsi
  movl %esi, (%rdx, %rcx)
  jmp     label8
block8:
  movq (%rbx), %rcx
  movq 0x30(%rcx), %rcx
  movl <offset:1>+8(%rsp), %esi
  movl %eax, %edx
  movl %esi, 4(%rcx, %rdx)
  movl <offset:1>+(%rsp), %esi
  movl %esi, 8(%rcx, %rdx)
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
  movq %rdi, %rbx
  call    *%rax
  jmp     label4
block7:
  movq 8(%rbx), %rax
  movq 0x68(%rax), %rax
  movq %r12, %rsi
  movq %rbx, %rdi
  call    *%rax
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0, 8})], sp_to_sized_stack_slots: None }
  jmp     label8

;; function 3
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x50, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x40, %rsp
  movq %rbx, 0x20(%rsp)
  movq %r12, 0x28(%rsp)
  movq %r13, 0x30(%rsp)
block0:
  movl %esi, <offset:1>+(%rsp)
  movq (%rdi), %rdx
  movq 0x30(%rdx), %rcx
  movl %esi, %eax
  movl %esi, 8(%rcx, %rax)
  leal 8(%rsi), %esi
  shrl $0x9, %esi
  movb $0x1, -0x800000(%rcx, %rsi)
  movl 4(%rcx, %rax), %esi
  testl %esi, %esi
  jnz     label5; j label1
block1:
  movl 0x38(%rdx), %eax
  movl %eax, %esi
  leaq 0x10(%rsi), %r8
  movl 0x3c(%rdx), %r9d
  cmpq %r9, %r8
  jnbe    label3; j label2
block2:
  leal 0x10(%rax), %r8d
  movl %r8d, 0x38(%rdx)
  movq 0x10(%rdi), %rdx
  movq 8(%rdx), %rdx
  subq 0x18(%rdi), %rdx
  movl %edx, (%rcx, %rsi)
  movq %rdi, %rbx
  jmp     label4
block4:
  movq (%rbx), %rdx
  movq 0x30(%rdx), %rdx
  movl %eax, %esi
  movl $0x0, 4(%rdx, %rsi)
  movl $0x0, 8(%rdx, %rsi)
  jmp     label9
block5:
  movq %rdi, %rbx
  movl $0x1, %edi
  movq %rdi, %r12
  subl $0x1, %esi
  movq %rsi, %r13
  movq %rbx, %rdi
  call    User(userextname0)
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0})], sp_to_sized_stack_slots: None }
  movl %eax, <offset:1>+0x10(%rsp)
  movq %r13, %rsi
  movq %rbx, %rdi
  call    User(userextname0)
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0, 16})], sp_to_sized_stack_slots: None }
  movl %eax, <offset:1>+8(%rsp)
  movq (%rbx), %r8
  movl 0x38(%r8), %eax
  movl %eax, %edi
  leaq 0x10(%rdi), %r9
  movl 0x3c(%r8), %r10d
  cmpq %r10, %r9
  jnbe    label7; j label6
block6:
  leal 0x10(%rax), %r9d
  movl %r9d, 0x38(%r8)
  movq 0x30(%r8), %r10
  movq 0x10(%rbx), %r11
  movq 8(%r11), %r9
  subq 0x18(%rbx), %r9
  movl %r9d, (%r10, %rdi)
  jmp     label8
block8:
  movq (%rbx), %rcx
  movq 0x30(%rcx), %rcx
  movl <offset:1>+0x10(%rsp), %esi
  movl %eax, %edx
  movl %esi, 4(%rcx, %rdx)
  movl <offset:1>+8(%rsp), %esi
  movl %esi, 8(%rcx, %rdx)
  jmp     label9
block9:
  movq (%rbx), %rax
  movq 0x30(%rax), %rax
  movl <offset:1>+(%rsp), %ecx
  movl %ecx, %ecx
  movl 4(%rax, %rcx), %eax
  leal (%rax, %rax), %eax
  movq 0x20(%rsp), %rbx
  movq 0x28(%rsp), %r12
  movq 0x30(%rsp), %r13
  addq $0x40, %rsp
  movq %rbp, %rsp
  popq %rbp
  retq
block3:
  movq 8(%rdi), %rcx
  movq 0x68(%rcx), %rcx
  movl $0x1, %esi
  movq %rdi, %rbx
  call    *%rcx
  ; UserStackMap { by_type: [(types::I32, CompoundBitSet {0})], sp_to_sized_stack_slots: None }
  jmp     label4
block7:
  movq 8(%rbx), %rax
  movq 0x68(%rax), %rax
  movq %r12, %rsi
  movq %rbx, %rdi
  call    *%rax
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
  movq (%rdi), %rdx
  movl 0x38(%rdx), %eax
  cmpl $0x7e, %esi
  seta %r10b
  movl %eax, %ecx
  movl %esi, %r9d
  shlq $0x2, %r9
  leaq 0xf(%r9), %r8
  andq $0xfffffffffffffff8, %r8
  leaq (%rcx, %r8), %r8
  movl 0x3c(%rdx), %r11d
  cmpq %r11, %r8
  seta %r11b
  orl %r11d, %r10d
  testb %r10b, %r10b
  jnz     label5; j label1
block1:
  leal 0xf(%r9), %r9d
  andl $0xfffffff8, %r9d
  leal (%rax, %r9), %r9d
  movl %r9d, 0x38(%rdx)
  movq 0x30(%rdx), %rdx
  movq 0x10(%rdi), %r9
  movq 0x18(%r9), %r9
  subq 0x18(%rdi), %r9
  movl %r9d, (%rdx, %rcx)
  movl %esi, 4(%rdx, %rcx)
  leaq 8(%rdx, %rcx), %rcx
  leaq (%rdx, %r8), %rdx
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
  movq 0x10(%rdi), %rdi
  movq 8(%rdi), %rdi
  movl %edx, %edx
  movq 0x10(%r8, %rdx), %rdx
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

