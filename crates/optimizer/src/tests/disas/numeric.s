;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq 0x28(%rdi), %r8
  movl %esi, %r9d
  movzbq (%r8, %r9), %r8
  cmpl %edx, %r8d
  sete %r9b
  movzbl %r9b, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rsi, %r8
  movq 0x28(%rdi), %rsi
  movl %r8d, %edi
  movzbq (%rsi, %rdi), %rax
  andl $0x7f, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 2
  pushq %rbp
  movq %rsp, %rbp
block0:
  cmpl %edx, %esi
  setl %sil
  movzbl %sil, %eax
  movq %rbp, %rsp
  popq %rbp
  retq

