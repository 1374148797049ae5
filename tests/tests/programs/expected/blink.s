	.file	"blink.c"
__SP_H__ = 0x3e
__SP_L__ = 0x3d
__SREG__ = 0x3f
__tmp_reg__ = 0
__zero_reg__ = 1
	.text
.global	_start
	.type	_start, @function
_start:
/* prologue: function */
/* frame size = 0 */
/* stack size = 0 */
.L__stack_usage = 0
	ldi r30,0
	ldi r31,0
	movw r12,r30
	movw r14,r12
	movw r18,r12
	ldi r16,lo8(1)
	ldi r17,0
.L6:
	movw r20,r18
	movw r18,r16
	ldi r22,lo8(109)
	ldi r23,lo8(78)
	ldi r24,lo8(-58)
	ldi r25,lo8(65)
	call __mulsi3
	movw r16,r22
	movw r18,r24
	subi r16,-57
	sbci r17,-49
	sbci r18,-1
	sbci r19,-1
	lds r26,used
	mov r20,r26
	ldi r21,0
	ldi r24,lo8(4)
	mul r26,r24
	movw r26,r0
	clr __zero_reg__
	subi r26,lo8(-(readings))
	sbci r27,hi8(-(readings))
	st X+,r30
	st X+,r31
	st X+,r18
	st X+,r19
	inc r20
	andi r20,lo8(15)
	ldi r21,0
	sts used,r20
	cpi r20,lo8(3)
	brlo .L2
	movw r26,r20
	lsl r26
	rol r27
	lsl r26
	rol r27
	subi r26,lo8(-(readings-12))
	sbci r27,hi8(-(readings-12))
	adiw r26,2
	ld r22,X+
	ld r23,X+
	movw r26,r20
	lsl r26
	rol r27
	lsl r26
	rol r27
	subi r26,lo8(-(readings-8))
	sbci r27,hi8(-(readings-8))
	adiw r26,2
	ld r24,X+
	ld r25,X+
	movw r26,r20
	lsl r26
	rol r27
	lsl r26
	rol r27
	subi r26,lo8(-(readings-4))
	sbci r27,hi8(-(readings-4))
	adiw r26,2
	ld r20,X+
	ld r21,X+
	cp r24,r20
	cpc r25,r21
	brlt .L3
	mov r27,r24
	mov r26,r25
	movw r24,r20
	mov r20,r27
	mov r21,r26
.L3:
	cp r22,r24
	cpc r23,r25
	brlt .L4
	movw r24,r22
	cp r20,r22
	cpc r21,r23
	brge .L4
	movw r24,r20
.L4:
	ldi r22,lo8(7)
	ldi r23,0
	call __divmodhi4
	add r12,r22
	adc r13,r23
	adc r14,r24
	adc r15,r25
.L2:
	out 0x5,r13
	adiw r30,1
	cpi r30,-24
	ldi r24,3
	cpc r31,r24
	breq .+2
	rjmp .L6
.L7:
	rjmp .L7
	.size	_start, .-_start
	.local	used
	.comm	used,1,1
	.local	readings
	.comm	readings,64,1
	.ident	"GCC: (GNU) 15.2.0"
.global __do_clear_bss
