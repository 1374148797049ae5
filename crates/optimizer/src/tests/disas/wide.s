;; function 0
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rsi, %rax
  addq %rcx, %rax
  movq %rdx, %rcx
  adcq %r8, %rcx
  movq %rbp, %rsp
  popq %rbp
  retq

;; function 1
  pushq %rbp
  movq %rsp, %rbp
block0:
  movq %rsi, %rax
  imulq %rdx ;; implicit: %rax, %rdx
  movq %rdx, %rcx
  movq %rbp, %rsp
  popq %rbp
  retq

