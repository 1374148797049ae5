;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  leal 3(%rsi), %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  leal 3(%rsi), %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  movq (%rdi), %r8
  movq %rdi, 0x20(%r8)
  movq    %rbp, %r9
  movq %r9, 8(%r8)
  movq    %rsp, %r10
  movq %r10, 0x10(%r8)
  movq 0x40(%rdi), %r11
  movq 0x48(%rdi), %rdi
  call    *%r11
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 3
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  movq 0x28(%rdi), %rcx
  movl %esi, %edx
  uninit  %rax
  xorq %rax, %rax
  leaq (%rcx, %rdx, 8), %rcx
  cmpq $0xa, %rdx
  cmovaeq %rax, %rcx
  movq (%rcx), %rax
  movq (%rdi), %rcx
  movq %rdi, 0x20(%rcx)
  movq 0x10(%rax), %rcx
  movq 0x10(%rdi), %rdx
  cmpq (%rdx), %rcx
  jnz #trap=user6
  movq (%rax), %rcx
  movq 8(%rax), %rdi
  movl $0x5, %esi
  call    *%rcx
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 4
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x10, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
block0:
  load_ext_name userextname0+0, %r10
  return_call_unknown %r10 (0) tmp=%r11 %rdi=%rdi %rsi=%rsi

;; function 5
  pushq %rbp
  movq %rsp, %rbp
  movq (%rdi), %r10
  movq (%r10), %r10
  addq $0x90, %r10
  cmpq %rsp, %r10
  jnbe #trap=stk_ovf
  subq $0x80, %rsp
  movq %r12, 0x70(%rsp)
block0:
  movq %rsi, %r12
  leaq <offset:1>+(%rsp), %rsi
  call    User(userextname0)
  movl <offset:1>+(%rsp), %r11d
  movl <offset:1>+0x10(%rsp), %eax
  movl <offset:1>+0x20(%rsp), %ecx
  movl <offset:1>+0x30(%rsp), %edx
  movl <offset:1>+0x40(%rsp), %esi
  movl <offset:1>+0x50(%rsp), %edi
  movl <offset:1>+0x60(%rsp), %r8d
  movq %r12, %r9
  movl %r11d, (%r9)
  movl %eax, 0x10(%r9)
  movl %ecx, 0x20(%r9)
  movl %edx, 0x30(%r9)
  movl %esi, 0x40(%r9)
  movl %edi, 0x50(%r9)
  movl %r8d, 0x60(%r9)
  movq 0x70(%rsp), %r12
  addq $0x80, %rsp
  movq %rbp, %rsp
  popq %rbp
  retq

