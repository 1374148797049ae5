;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl $0x3, %esi
  jnz #trap=user3
  movq 0x28(%rdi), %rdi
  movl %esi, %r8d
  movl 4(%rdi, %r8), %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  leal 1(%rsi), %r8d
  testl $0x1, %r8d
  jnz #trap=user3
  movq 0x28(%rdi), %r8
  movl %esi, %r9d
  movw %dx, 1(%r8, %r9)
  mfence
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl $0x3, %esi
  jnz #trap=user3
  movq 0x28(%rdi), %r9
  movl %esi, %r10d
  negl %edx
  movq %rdx, %rax
  lock xaddl %eax, (%r9, %r10)
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 3
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq 0x28(%rdi), %r8
  movl %esi, %r9d
  atomically { 8_bits_at_[%r9] Or= %r10; %rax = old_value_at_[%r9]; %r11, %rflags = trash }
  movzbq %al, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 4
  pushq %rbp
  movq %rsp, %rbp
block0:
  testl $0x7, %esi
  jnz #trap=user3
  movq 0x28(%rdi), %r9
  movl %esi, %r10d
  movq %rdx, %rax
  lock cmpxchgq %rcx, (%r9, %r10) ;; implicit: %rax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 5
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  movq %rsi, %rax
  movq 8(%rdi), %r10
  movq 0x38(%r10), %r10
  uninit  %rsi
  xorl %esi, %esi
  movl %eax, %edx
  movl $0x8, %ecx
  movl $0x1, %r8d
  call    *%r10
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 6
  pushq %rbp
  movq %rsp, %rbp
block0:
  mfence
  movq 0x30(%rdi), %rsi
  movq 8(%rsi), %rax
  shrq $0x10, %rax
  movq %rbp, %rsp
  popq %rbp
  retq

