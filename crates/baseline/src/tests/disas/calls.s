;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 000000000000006Bh
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov [rbp-18h],rdx
   2a  mov esi,esi
   2c  mov edx,5
   31  mov rdi,[rbp-8]
   35  call qword ptr [3Bh]  ; TableSlot(DefinedFuncIndex(0))
   3b  mov ecx,[rbp-10h]
   3e  add eax,ecx
   40  mov rdx,[rbp-8]
   44  mov r11,[rdx]
   47  mov [r11+20h],rdx
   4b  mov [r11+8],rbp
   4f  mov [r11+10h],rsp
   53  mov esi,eax
   55  mov rdx,[rbp-18h]
   59  mov rdi,[rbp-8]
   5d  mov rax,[rdi+40h]
   61  mov rdi,[rdi+48h]
   65  call rax
   67  mov eax,eax
   69  leave
   6a  ret
   6b  ud2  ; traps: StackOverflow

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 000000000000007Ah
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov [rbp-18h],rdx
   2a  mov esi,esi
   2c  mov r11,[rbp-8]
   30  mov rax,[r11+28h]
   34  cmp rsi,[r11+30h]
   38  lea rax,[rax+rsi*8]
   3c  mov r11d,0
   42  cmovae rax,r11
   46  mov rax,[rax]  ; traps: TableOutOfBounds
   49  mov r11,[rbp-8]
   4d  mov rcx,[r11+10h]
   51  mov rcx,[rcx]
   54  cmp rcx,[rax+10h]  ; traps: IndirectCallToNull
   58  jne 000000000000007Ch
   5e  mov rdi,[rbp-8]
   62  mov r11,[rdi]
   65  mov [r11+20h],rdi
   69  mov rdi,[rbp-8]
   6d  mov rdi,[rax+8]
   71  mov rax,[rax]
   74  call rax
   76  mov eax,eax
   78  leave
   79  ret
   7a  ud2  ; traps: StackOverflow
   7c  ud2  ; traps: BadSignature

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 000000000000003Eh
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov [rbp-18h],rdx
   2a  mov eax,edx
   2c  mov ecx,esi
   2e  mov esi,eax
   30  mov rdx,rcx
   33  mov rdi,[rbp-8]
   37  leave
   38  jmp qword ptr [3Eh]  ; TableSlot(DefinedFuncIndex(0))
   3e  ud2  ; traps: StackOverflow

;; function 3
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,40h
    b  mov [rbp-10h],rsi
    f  mov [rbp-18h],rdx
   13  mov [rbp-20h],rcx
   17  mov [rbp-28h],r8
   1b  mov [rbp-30h],r9
   1f  mov rax,[rbp+18h]
   23  mov r10,[rbp+10h]
   27  add r10,rax
   2a  mov rax,r10
   2d  mov rcx,rsi
   30  leave
   31  ret 10h

;; function 4
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-20h]
    f  cmp r11,[r10]
   12  jb 0000000000000062h
   18  sub rsp,20h
   1f  mov [rbp-8],rdi
   23  mov qword ptr [rsp],5
   2b  mov qword ptr [rsp+8],6
   34  mov esi,0
   39  mov edx,1
   3e  mov ecx,2
   43  mov r8d,3
   49  mov r9d,4
   4f  mov rdi,[rbp-8]
   53  call qword ptr [59h]  ; TableSlot(DefinedFuncIndex(3))
   59  sub rsp,10h
   5d  add rax,rcx
   60  leave
   61  ret
   62  ud2  ; traps: StackOverflow

