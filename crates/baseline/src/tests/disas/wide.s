;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,30h
    b  mov [rbp-10h],rsi
    f  mov [rbp-18h],rdx
   13  mov [rbp-20h],rcx
   17  mov [rbp-28h],r8
   1b  add rsi,rcx
   1e  adc rdx,r8
   21  mov rax,rsi
   24  mov rcx,rdx
   27  leave
   28  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,20h
    b  mov [rbp-10h],rsi
    f  mov [rbp-18h],rdx
   13  mov r11,rdx
   16  mov rax,rsi
   19  imul r11
   1c  mov rcx,rdx
   1f  leave
   20  ret

