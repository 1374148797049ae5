;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov esi,esi
   10  mov rax,[rdi+10h]
   14  mov rax,[rax+8]
   18  mov rcx,[rdi+18h]
   1c  mov r11,[rdi]
   1f  mov r11,[r11+30h]
   23  cmp esi,1
   26  jb 0000000000000043h
   2c  test esi,1
   32  jne 0000000000000043h
   38  mov r11d,[r11+rsi]
   3c  add r11,rcx
   3f  cmp rax,[r11+18h]
   43  sete dl
   47  movzx edx,dl
   4b  mov eax,edx
   4d  leave
   4e  ret

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov esi,esi
   10  mov rax,[rdi+10h]
   14  mov rax,[rax+10h]
   18  mov rcx,[rdi+18h]
   1c  mov r11,[rdi]
   1f  mov r11,[r11+30h]
   23  test esi,esi
   25  je 0000000000000041h
   2b  test esi,1
   31  jne 0000000000000041h
   37  mov r11d,[r11+rsi]
   3b  add r11,rcx
   3e  cmp rax,r11
   41  jne 000000000000004Bh
   47  mov eax,esi
   49  leave
   4a  ret
   4b  ud2  ; traps: CastFailure

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov esi,esi
   10  mov rax,[rdi+18h]
   14  mov r11,[rdi]
   17  mov r11,[r11+30h]
   1b  cmp esi,1
   1e  jb 000000000000003Ch
   24  test esi,1
   2a  jne 000000000000003Ch
   30  mov r11d,[r11+rsi]
   34  add r11,rax
   37  cmp dword ptr [r11+8],2
   3c  setae cl
   40  movzx ecx,cl
   44  mov eax,ecx
   46  leave
   47  ret

;; function 3
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  mov esi,esi
   10  mov rax,[rdi+18h]
   14  mov r11,[rdi]
   17  mov r11,[r11+30h]
   1b  test esi,esi
   1d  je 000000000000003Bh
   23  test esi,1
   29  jne 000000000000003Bh
   2f  mov r11d,[r11+rsi]
   33  add r11,rax
   36  cmp dword ptr [r11+8],3
   3b  sete cl
   3f  movzx ecx,cl
   43  mov eax,ecx
   45  leave
   46  ret

;; function 4
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  test esi,esi
   10  je 0000000000000021h
   16  mov r11d,esi
   19  and r11d,1
   1d  cmp r11d,1
   21  je 000000000000002Eh
   27  mov eax,esi
   29  jmp 0000000000000040h
   2e  test esi,esi
   30  je 0000000000000047h
   36  sar esi,1
   39  mov eax,esi
   3b  jmp 0000000000000045h
   40  mov eax,0FFFFFFFFh
   45  leave
   46  ret
   47  ud2  ; traps: NullReference

;; function 5
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],esi
    e  shl esi,1
   11  or esi,1
   14  test esi,esi
   16  je 0000000000000023h
   1c  shr esi,1
   1f  mov eax,esi
   21  leave
   22  ret
   23  ud2  ; traps: NullReference

