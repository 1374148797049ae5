;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 000000000000004Eh
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],rsi
   27  mov [rbp-18h],edx
   2a  mov rax,rsi
   2d  mov r11,[rax]  ; traps: NullReference
   30  mov rcx,[rbp-8]
   34  mov r11,[rcx]
   37  mov [r11+20h],rcx
   3b  mov esi,edx
   3d  mov rdi,[rbp-8]
   41  mov rdi,[rax+8]
   45  mov rax,[rax]
   48  call rax
   4a  mov eax,eax
   4c  leave
   4d  ret
   4e  ud2  ; traps: StackOverflow

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 000000000000004Bh
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],rsi
   27  mov [rbp-18h],edx
   2a  mov rax,rsi
   2d  mov r11,[rax]  ; traps: NullReference
   30  mov rcx,[rbp-8]
   34  mov r11,[rcx]
   37  mov [r11+20h],rcx
   3b  mov esi,edx
   3d  mov rdi,[rbp-8]
   41  leave
   42  mov rdi,[rax+8]
   46  mov rax,[rax]
   49  jmp rax
   4b  ud2  ; traps: StackOverflow

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 000000000000006Eh
   18  push rbx
   19  sub rsp,18h
   20  mov [rbp-10h],rdi
   24  mov [rbp-20h],edx
   27  mov rbx,rsi
   2a  test rbx,rbx
   2d  je 0000000000000063h
   33  test rbx,rbx
   36  je 0000000000000070h
   3c  mov rax,rbx
   3f  mov r11,[rax]  ; traps: NullReference
   42  mov rcx,[rbp-10h]
   46  mov r11,[rcx]
   49  mov [r11+20h],rcx
   4d  mov esi,edx
   4f  mov rdi,[rbp-10h]
   53  mov rdi,[rax+8]
   57  mov rax,[rax]
   5a  call rax
   5c  mov eax,eax
   5e  jmp 0000000000000068h
   63  mov eax,0FFFFFFFFh
   68  mov rbx,[rbp-8]
   6c  leave
   6d  ret
   6e  ud2  ; traps: StackOverflow
   70  ud2  ; traps: NullReference

