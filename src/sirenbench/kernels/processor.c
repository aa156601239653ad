/* Loops over float32 that NumPy and PyTorch make in several passes, with the bits of theirs. */

#include <stddef.h>

#ifndef __FP_FAST_FMAF
#error "this processor has no fused multiply-add, without which the bits are others"
#endif

/* Sine and cosine, with NumPy's constants, both out of one reduction: z = r + k pi / 2, with pi / 2 in three parts (Cody
   and Waite), then a polynomial in r for each.

   Up to here the reduction is exact enough for the cosine; NumPy takes another way beyond. */
#define FARTHEST 71476.0625f

static inline float with_sign(float value, int quarter)
{
    union { float number; unsigned bits; } signed_value = {value};
    signed_value.bits ^= ((unsigned)quarter & 2u) << 30;
    return signed_value.number;
}

static inline int one(float z, float *sine, float *cosine)
{
    float k = __builtin_fmaf(z, 0x1.45f306p-1f, 0x1.8p23f) - 0x1.8p23f;
    float r = __builtin_fmaf(k, -0x1.921fb0p+0f, z);
    r = __builtin_fmaf(k, -0x1.5110b4p-22f, r);
    r = __builtin_fmaf(k, -0x1.846988p-48f, r);
    float q = r * r;
    float even = __builtin_fmaf(q, 0x1.98e616p-16f, -0x1.6c06dcp-10f);
    even = __builtin_fmaf(even, q, 0x1.55553cp-5f);
    even = __builtin_fmaf(even, q, -0.5f);
    even = __builtin_fmaf(even, q, 1.0f);
    float odd = __builtin_fmaf(q, 0x1.7d3bbcp-19f, -0x1.a06bbap-13f);
    odd = __builtin_fmaf(odd, q, 0x1.11119ap-7f);
    odd = __builtin_fmaf(odd, q, -0x1.555556p-3f);
    odd = __builtin_fmaf(odd * q, r, r);
    int quarter = (int)k;
    *sine = z == 0.0f ? z : with_sign(quarter & 1 ? even : odd, quarter); /* -0 stays -0 */
    *cosine = with_sign(quarter & 1 ? odd : even, quarter + 1);
    return !(__builtin_fabsf(z) <= FARTHEST);
}

/* Writes sines, and cosines if there is room for them. Tells whether any number was too far away, or none. */
int sines(const float *restrict z, float *restrict sine, float *restrict cosine, ptrdiff_t count)
{
    int is_beyond = 0;
    if (cosine) {
        for (ptrdiff_t i = 0; i < count; i++)
            is_beyond |= one(z[i], &sine[i], &cosine[i]);
    } else {
        for (ptrdiff_t i = 0; i < count; i++) {
            float unused;
            is_beyond |= one(z[i], &sine[i], &unused);
        }
    }
    return is_beyond;
}

/* A jet is a stack of parts of `count` numbers: x, dx/drow, dx/dcolumn, and with 4 parts the Laplacian of x.

   Through an activation with three derivatives: all parts but the first, which is written elsewhere. The third derivative
   is multiplied by (dx/drow)^2 + (dx/dcolumn)^2 for the way back. */
void bend(const float *restrict first, const float *restrict second, float *restrict third,
          const float *restrict before, float *restrict after, ptrdiff_t parts, ptrdiff_t count)
{
    const float *p = before + count, *q = p + count, *l = q + count;
    for (ptrdiff_t i = 0; i < count; i++) {
        after[count + i] = p[i] * first[i];
        after[2 * count + i] = q[i] * first[i];
    }
    if (parts < 4)
        return;
    for (ptrdiff_t i = 0; i < count; i++) {
        float squares = __builtin_fmaf(q[i], q[i], p[i] * p[i]);
        after[3 * count + i] = __builtin_fmaf(second[i], squares, l[i] * first[i]);
        third[i] *= squares;
    }
}

/* The derivative by the parts after it to that by the parts before it, in place; `third` as left above. */
void unbend(const float *restrict first, const float *restrict second, const float *restrict third,
            const float *restrict before, float *restrict delta, ptrdiff_t parts, ptrdiff_t count)
{
    const float *p = before + count, *q = p + count, *l = q + count;
    float *a = delta, *b = a + count, *c = b + count, *d = c + count;
    if (parts < 4) {
        for (ptrdiff_t i = 0; i < count; i++) {
            float through = __builtin_fmaf(c[i], q[i], b[i] * p[i]) * second[i];
            a[i] = __builtin_fmaf(a[i], first[i], through);
            b[i] *= first[i];
            c[i] *= first[i];
        }
        return;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        float sum = __builtin_fmaf(d[i], l[i], __builtin_fmaf(c[i], q[i], b[i] * p[i]));
        float through = __builtin_fmaf(third[i], d[i], sum * second[i]);
        float bent = 2.0f * (second[i] * d[i]);
        a[i] = __builtin_fmaf(a[i], first[i], through);
        b[i] = __builtin_fmaf(bent, p[i], b[i] * first[i]);
        c[i] = __builtin_fmaf(bent, q[i], c[i] * first[i]);
        d[i] *= first[i];
    }
}
