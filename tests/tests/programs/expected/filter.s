	.file	"filter.cc"
__SP_H__ = 0x3e
__SP_L__ = 0x3d
__SREG__ = 0x3f
__tmp_reg__ = 0
__zero_reg__ = 1
	.text
	.section	.text._ZNK6Square4areaEv,"axG",@progbits,_ZNK6Square4areaEv,comdat
	.weak	_ZNK6Square4areaEv
	.type	_ZNK6Square4areaEv, @function
_ZNK6Square4areaEv:
/* prologue: function */
/* frame size = 0 */
/* stack size = 0 */
.L__stack_usage = 0
	movw r30,r24
	ldd r26,Z+2
	ldd r27,Z+3
	movw r18,r26
	call __mulhisi3
/* epilogue start */
	ret
	.size	_ZNK6Square4areaEv, .-_ZNK6Square4areaEv
	.section	.text._ZNK3Box4areaEv,"axG",@progbits,_ZNK3Box4areaEv,comdat
	.weak	_ZNK3Box4areaEv
	.type	_ZNK3Box4areaEv, @function
_ZNK3Box4areaEv:
/* prologue: function */
/* frame size = 0 */
/* stack size = 0 */
.L__stack_usage = 0
	movw r30,r24
	ldd r18,Z+2
	ldd r19,Z+3
	ldd r26,Z+4
	ldd r27,Z+5
	call __mulhisi3
/* epilogue start */
	ret
	.size	_ZNK3Box4areaEv, .-_ZNK3Box4areaEv
	.text
.global	_start
	.type	_start, @function
_start:
	push r28
	push r29
	in r28,__SP_L__
	in r29,__SP_H__
	sbiw r28,32
	in __tmp_reg__,__SREG__
	cli
	out __SP_H__,r29
	out __SREG__,__tmp_reg__
	out __SP_L__,r28
/* prologue: function */
/* frame size = 32 */
/* stack size = 34 */
.L__stack_usage = 34
	in r24,0x5
	ldi r18,lo8(_ZTV6Square+4)
	ldi r19,hi8(_ZTV6Square+4)
	std Y+29,r18
	std Y+30,r19
	std Y+31,r24
	std Y+32,__zero_reg__
	in r24,0x5
	ldi r18,lo8(_ZTV3Box+4)
	ldi r19,hi8(_ZTV3Box+4)
	std Y+19,r18
	std Y+20,r19
	std Y+21,r24
	std Y+22,__zero_reg__
	ldi r24,lo8(4)
	std Y+23,r24
	std Y+24,__zero_reg__
	movw r16,r28
	subi r16,-29
	sbci r17,-1
	std Y+25,r16
	std Y+26,r17
	movw r24,r28
	adiw r24,19
	std Y+27,r24
	std Y+28,r25
	ldi r18,0
	ldi r24,0
	ldi r20,0
	ldi r21,0
	movw r22,r28
	subi r22,-1
	sbci r23,-1
	mov r13,r22
	mov r25,r23
.L5:
	in r19,0x5
	movw r14,r22
	add r14,r24
	adc r15,__zero_reg__
	add r14,r24
	adc r15,__zero_reg__
	mulsu r20,r19
	movw r30,r0
	clr __zero_reg__
	movw r26,r14
	st X+,r30
	st X+,r31
	subi r24,lo8(-(1))
	andi r24,lo8(7)
	cpi r18,lo8(8)
	brsh .L4
	subi r18,lo8(-(1))
.L4:
	subi r20,-1
	sbci r21,-1
	cpi r20,20
	cpc r21,__zero_reg__
	brne .L5
	mov r30,r13
	mov r31,r25
	mov r14,__zero_reg__
	mov r15,__zero_reg__
	movw r12,r14
	ldi r19,0
	ldi r24,lo8(3)
	mov r10,r24
	mov r11,__zero_reg__
.L7:
	ld r24,Z+
	ld r25,Z+
	movw r4,r24
	mov r6,r25
	lsl r6
	sbc r6,r6
	mov r7,r6
	movw r22,r10
	call __divmodhi4
	or r24,r25
	brne .L6
	com r7
	com r6
	com r5
	com r4
	adc r4,__zero_reg__
	adc r5,__zero_reg__
	adc r6,__zero_reg__
	adc r7,__zero_reg__
.L6:
	add r12,r4
	adc r13,r5
	adc r14,r6
	adc r15,r7
	subi r19,lo8(-(1))
	cpse r18,r19
	rjmp .L7
	movw r10,r28
	ldi r27,25
	add r10,r27
	adc r11,__zero_reg__
.L8:
	movw r30,r10
	ld r24,Z+
	ld r25,Z+
	movw r10,r30
	movw r26,r24
	ld r30,X+
	ld r31,X+
	ld __tmp_reg__,Z+
	ld r31,Z
	mov r30,__tmp_reg__
	icall
	add r12,r22
	adc r13,r23
	adc r14,r24
	adc r15,r25
	cp r10,r16
	cpc r11,r17
	brne .L8
	movw r22,r12
	movw r24,r14
	ldi r18,lo8(5)
	ldi r19,0
	ldi r20,0
	ldi r21,0
	call __divmodsi4
	out 0x5,r18
.L9:
	rjmp .L9
	.size	_start, .-_start
.global	__cxa_pure_virtual
	.type	__cxa_pure_virtual, @function
__cxa_pure_virtual:
/* prologue: function */
/* frame size = 0 */
/* stack size = 0 */
.L__stack_usage = 0
.L14:
	rjmp .L14
	.size	__cxa_pure_virtual, .-__cxa_pure_virtual
	.weak	_ZTV6Square
	.section	.rodata._ZTV6Square,"aG",@progbits,_ZTV6Square,comdat
	.type	_ZTV6Square, @object
	.size	_ZTV6Square, 6
_ZTV6Square:
	.word	0
	.word	0
	.word	gs(_ZNK6Square4areaEv)
	.weak	_ZTV3Box
	.section	.rodata._ZTV3Box,"aG",@progbits,_ZTV3Box,comdat
	.type	_ZTV3Box, @object
	.size	_ZTV3Box, 6
_ZTV3Box:
	.word	0
	.word	0
	.word	gs(_ZNK3Box4areaEv)
	.ident	"GCC: (GNU) 15.2.0"
.global __do_copy_data
