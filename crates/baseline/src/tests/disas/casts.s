;; function 0
    0  push rbp
    1  mov rbp,rsp
    4  mov r10,[rdi]
    7  lea r11,[rsp-10h]
    f  cmp r11,[r10]
   12  jb 00000000000000D6h
   18  sub rsp,10h
   1f  mov [rbp-8],rdi
   23  mov [rbp-10h],esi
   26  mov esi,esi
   28  mov r11,[rbp-8]
   2c  mov rax,[r11+28h]
   30  cmp rsi,[r11+30h]
   34  lea rax,[rax+rsi*8]
   38  mov r11d,0
   3e  cmovae rax,r11
   42  mov rax,[rax]  ; traps: TableOutOfBounds
   45  mov r11,[rbp-8]
   49  mov rcx,[r11+10h]
   4d  mov rcx,[rcx+8]
   51  mov r11,[rax+10h]  ; traps: IndirectCallToNull
   55  cmp rcx,[r11+18h]
   59  jne 00000000000000D8h
   5f  mov rdx,[rbp-8]
   63  mov r11,[rdx]
   66  mov [r11+20h],rdx
   6a  mov rdi,[rbp-8]
   6e  mov rdi,[rax+8]
   72  mov rax,[rax]
   75  call rax
   77  mov eax,[rbp-10h]
   7a  mov r11,[rbp-8]
   7e  mov rcx,[r11+28h]
   82  cmp rax,[r11+30h]
   86  lea rcx,[rcx+rax*8]
   8a  mov r11d,0
   90  cmovae rcx,r11
   94  mov rax,[rcx]  ; traps: TableOutOfBounds
   97  mov r11,[rbp-8]
   9b  mov rdx,[r11+10h]
   9f  mov rdx,[rdx+20h]
   a3  mov r11,[rax+10h]  ; traps: IndirectCallToNull
   a7  cmp dword ptr [r11+4],4
   ac  jb 00000000000000DAh
   b2  cmp rdx,[r11+30h]
   b6  jne 00000000000000DAh
   bc  mov rsi,[rbp-8]
   c0  mov r11,[rsi]
   c3  mov [r11+20h],rsi
   c7  mov rdi,[rbp-8]
   cb  mov rdi,[rax+8]
   cf  mov rax,[rax]
   d2  call rax
   d4  leave
   d5  ret
   d6  ud2  ; traps: StackOverflow
   d8  ud2  ; traps: BadSignature
   da  ud2  ; traps: BadSignature

;; function 1
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],rsi
    f  mov rax,[rdi+10h]
   13  mov rax,[rax+28h]
   17  cmp rsi,1
   1b  jb 0000000000000025h
   21  cmp rax,[rsi+10h]
   25  sete cl
   29  movzx ecx,cl
   2d  mov eax,ecx
   2f  leave
   30  ret

;; function 2
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],rsi
    f  mov rax,[rdi+10h]
   13  mov rax,[rax+20h]
   17  test rsi,rsi
   1a  je 0000000000000033h
   20  mov r11,[rsi+10h]
   24  cmp dword ptr [r11+4],4
   29  jb 0000000000000033h
   2f  cmp rax,[r11+30h]
   33  jne 000000000000003Eh
   39  mov rax,rsi
   3c  leave
   3d  ret
   3e  ud2  ; traps: CastFailure

;; function 3
    0  push rbp
    1  mov rbp,rsp
    4  sub rsp,10h
    b  mov [rbp-10h],rsi
    f  mov rax,[rdi+10h]
   13  mov rax,[rax+8]
   17  cmp rsi,1
   1b  jb 0000000000000029h
   21  mov r11,[rsi+10h]
   25  cmp rax,[r11+18h]
   29  jne 0000000000000037h
   2f  mov rax,rsi
   32  jmp 0000000000000041h
   37  mov eax,0
   3c  jmp 0000000000000041h
   41  leave
   42  ret

