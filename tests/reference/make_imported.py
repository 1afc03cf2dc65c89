"""Exports small and large networks with random weights by both exporters of ONNX and by torch.export, with activations and a gradient
of PyTorch's own (computed in 64 bits).

    python3 make_imported.py small DIR          the small ones of imported/, which tests read
    python3 make_imported.py large DIR [NAME…]  networks of torchvision and timm, some gigabytes and a quarter of an hour

Needs torch, torchvision, timm, onnx, onnxscript, safetensors. Made with torch 2.13.0, torchvision 0.28.0, timm 1.0.31, onnx 1.23.2.
"""
import logging
import os
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
import timm
import torch
import torch.nn as nn
import torchvision
from safetensors.torch import save_file

torch.set_num_threads(2)
SIZE, OUT, ONLY = sys.argv[1], pathlib.Path(sys.argv[2]), set(sys.argv[3:])
OUT.mkdir(parents=True, exist_ok=True)

def scaled(model):
    # Weights as they are; batch-norm statistics that are not the identity.
    g = torch.Generator().manual_seed(1)
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.copy_(torch.randn(m.running_mean.shape, generator=g) * .1)
            m.running_var.copy_(torch.rand(m.running_var.shape, generator=g) * .5 + .75)
            if m.weight is not None:
                m.weight.data.copy_(torch.rand(m.weight.shape, generator=g) * .5 + .75)
                m.bias.data.copy_(torch.randn(m.bias.shape, generator=g) * .1)
    return model.eval()

class Dcgan(nn.Module):
    def __init__(s, d=100, w=32):
        super().__init__()
        s.main = nn.Sequential(nn.ConvTranspose2d(d, w*4, 4, 1, 0, bias=False), nn.BatchNorm2d(w*4), nn.ReLU(True),
            nn.ConvTranspose2d(w*4, w*2, 4, 2, 1, bias=False), nn.BatchNorm2d(w*2), nn.ReLU(True),
            nn.ConvTranspose2d(w*2, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(True),
            nn.ConvTranspose2d(w, 3, 4, 2, 1, bias=False), nn.Tanh())
    def forward(s, z): return s.main(z.view(z.shape[0], -1, 1, 1))

class Style(nn.Module):
    """StyleGAN-like: mapping, constant, modulated convolutions by grouped convolution."""
    def __init__(s, d=64, c=32):
        super().__init__()
        s.mapping = nn.Sequential(nn.Linear(d, d), nn.LeakyReLU(.2), nn.Linear(d, d), nn.LeakyReLU(.2))
        s.const = nn.Parameter(torch.randn(1, c, 4, 4))
        s.affine = nn.ModuleList(nn.Linear(d, c) for _ in range(3))
        s.weight = nn.ParameterList(nn.Parameter(torch.randn(c, c, 3, 3)*.1) for _ in range(3))
        s.noise = nn.ParameterList(nn.Parameter(torch.randn(1, 1, 4*2**i, 4*2**i)*.1) for i in range(3))
        s.rgb = nn.Conv2d(c, 3, 1)
    def forward(s, z):
        z = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        w = s.mapping(z); n = z.shape[0]
        x = s.const.expand(n, -1, -1, -1)
        for i in range(3):
            if i: x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            style = s.affine[i](w) + 1
            k = s.weight[i][None] * style[:, None, :, None, None]
            k = k * (k.square().sum((2,3,4), keepdim=True) + 1e-8).rsqrt()
            h, v = x.shape[2], x.shape[3]
            x = nn.functional.conv2d(x.reshape(1, -1, h, v), k.reshape(-1, k.shape[2], 3, 3), padding=1, groups=n).view(n, -1, h, v)
            x = nn.functional.leaky_relu(x + s.noise[i], .2)
        return torch.tanh(s.rgb(x))

class Res(nn.Module):
    def __init__(s, c):
        super().__init__(); s.n1, s.c1, s.n2, s.c2 = nn.GroupNorm(8, c), nn.Conv2d(c, c, 3, padding=1), nn.GroupNorm(8, c), nn.Conv2d(c, c, 3, padding=1)
    def forward(s, x): return x + s.c2(nn.functional.silu(s.n2(s.c1(nn.functional.silu(s.n1(x))))))
class Attn(nn.Module):
    def __init__(s, c):
        super().__init__(); s.n, s.q, s.k, s.v, s.o = nn.GroupNorm(8, c), *[nn.Conv2d(c, c, 1) for _ in range(4)]
    def forward(s, x):
        n, c, h, w = x.shape; y = s.n(x)
        q, k, v = [m(y).view(n, c, h*w).transpose(1, 2) for m in (s.q, s.k, s.v)]
        a = torch.softmax(q @ k.transpose(1, 2) * c**-.5, -1) @ v
        return x + s.o(a.transpose(1, 2).reshape(n, c, h, w))
class Vae(nn.Module):
    def __init__(s, c=32):
        super().__init__()
        s.first, s.mid = nn.Conv2d(4, c, 3, padding=1), nn.Sequential(Res(c), Attn(c), Res(c))
        s.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, padding=1), Res(c), nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, padding=1), Res(c))
        s.norm, s.last = nn.GroupNorm(8, c), nn.Conv2d(c, 3, 3, padding=1)
    def forward(s, z): return s.last(nn.functional.silu(s.norm(s.up(s.mid(s.first(z))))))

class Clip(nn.Module):
    """CLIP's image tower: class token, pre-norm, quick GELU, projection, normalised."""
    def __init__(s, d=64, layers=3, heads=4, size=64, patch=16):
        super().__init__()
        s.conv1 = nn.Conv2d(3, d, patch, patch, bias=False)
        s.cls, s.pos = nn.Parameter(torch.randn(d)*.1), nn.Parameter(torch.randn((size//patch)**2+1, d)*.1)
        s.pre, s.post = nn.LayerNorm(d), nn.LayerNorm(d)
        s.blocks = nn.ModuleList(); 
        for _ in range(layers):
            b = nn.Module(); b.ln1, b.attn, b.ln2 = nn.LayerNorm(d), nn.MultiheadAttention(d, heads, batch_first=True), nn.LayerNorm(d)
            b.fc, b.proj = nn.Linear(d, 4*d), nn.Linear(4*d, d); s.blocks.append(b)
        s.proj = nn.Parameter(torch.randn(d, 32)*.1)
    def forward(s, x):
        x = s.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([s.cls.expand(x.shape[0], 1, -1), x], 1) + s.pos
        x = s.pre(x)
        for b in s.blocks:
            y = b.ln1(x); x = x + b.attn(y, y, y, need_weights=False)[0]
            y = b.fc(b.ln2(x)); x = x + b.proj(y * torch.sigmoid(1.702*y))
        x = s.post(x[:, 0]) @ s.proj
        return x / x.norm(dim=-1, keepdim=True)

class Small(nn.Module):
    """What convolutional networks are made of: batch norms, depthwise convolutions, squeeze and excitation, splits, shuffles, joins."""
    def __init__(s, c=16):
        super().__init__()
        s.stem = nn.Sequential(nn.Conv2d(3, c, 3, 2, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1, ceil_mode=True))
        s.depth = nn.Sequential(nn.Conv2d(c, c, 5, padding=2, groups=c, bias=False), nn.BatchNorm2d(c), nn.Hardswish())
        s.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c // 4, 1), nn.SiLU(), nn.Conv2d(c // 4, c, 1), nn.Hardsigmoid())
        s.line, s.norm, s.last = nn.Conv2d(c, c, 1), nn.BatchNorm2d(c), nn.Conv2d(2 * c, c, 3, padding=2, dilation=2)
        s.drop, s.head = nn.Dropout(.5), nn.Linear(c, 7)
    def forward(s, x):
        x = s.stem(x)
        y = s.depth(x)
        y = x + s.line(y * s.gate(y))
        a, b = s.norm(y).chunk(2, 1)
        y = torch.cat([nn.functional.gelu(b), a.clamp(0, 6)], 1)
        n, c, h, w = y.shape
        y = y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        y = s.last(torch.cat([y, nn.functional.avg_pool2d(nn.functional.pad(y, (1, 1, 1, 1)), 3, 1)], 1))
        return s.head(s.drop(nn.functional.leaky_relu(y, .1).mean((2, 3))))

class Cond(nn.Module):
    def __init__(s, d=32, k=5):
        super().__init__(); s.emb, s.line, s.net = nn.Embedding(k, 16), nn.Linear(d+16, 64*16), nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(64, 3, 3, padding=1), nn.Tanh())
    def forward(s, z, y): return s.net(s.line(torch.cat([z, s.emb(y)], 1)).view(-1, 64, 4, 4))

tv = torchvision.models
P = (3, 64, 64)
large = {
 "resnet50": (lambda: tv.resnet50(), P), "mobilenet_v3": (lambda: tv.mobilenet_v3_small(), P), "efficientnet_b0": (lambda: timm.create_model("efficientnet_b0"), P),
 "convnext_t": (lambda: timm.create_model("convnext_tiny"), P), "tv_convnext_t": (lambda: tv.convnext_tiny(), P), "regnet": (lambda: tv.regnet_y_400mf(), P), "regnetx": (lambda: timm.create_model("regnetx_004"), P),
 "tv_vit_b16": (lambda: tv.vit_b_16(image_size=64), P), "vit_b16": (lambda: timm.create_model("vit_base_patch16_224", img_size=64), P),
 "deit_s": (lambda: timm.create_model("vit_small_patch16_224", img_size=64, reg_tokens=4), P),
 "swin_t": (lambda: tv.swin_t(), (3, 224, 224)), "timm_swin_t": (lambda: timm.create_model("swin_tiny_patch4_window7_224"), (3,224,224)),
 "densenet121": (lambda: tv.densenet121(), P), "googlenet": (lambda: tv.googlenet(init_weights=False, aux_logits=False), P), "inception_v3": (lambda: tv.inception_v3(init_weights=False, aux_logits=False), (3,96,96)),
 "clip": (lambda: Clip(), P), "shufflenet": (lambda: tv.shufflenet_v2_x0_5(), P), "vgg11": (lambda: tv.vgg11_bn(), P), "squeezenet": (lambda: tv.squeezenet1_1(), P),
 "mobilevit": (lambda: timm.create_model("mobilevit_xxs"), P),
 "mixer": (lambda: timm.create_model("mixer_s16_224", img_size=64), P), "beit": (lambda: timm.create_model("beit_base_patch16_224", img_size=64), P), "eva": (lambda: timm.create_model("eva02_tiny_patch14_224", img_size=56), (3,56,56)),
 "dcgan": (lambda: Dcgan(), (100,)), "style": (lambda: Style(), (64,)), "vae": (lambda: Vae(), (4, 8, 8)), "cond": (lambda: Cond(), (32,)),
}
small = {
 "cnn": (lambda: Small(), (3, 32, 32)), "dcgan": (lambda: Dcgan(16, 4), (16,)), "style": (lambda: Style(16, 8), (16,)), "vae": (lambda: Vae(8), (4, 4, 4)),
 "clip": (lambda: Clip(16, 1, 2, 32, 8), (3, 32, 32)), "cond": (lambda: Cond(8), (8,)),
}
nets = small if SIZE == "small" else large

for name, (make, shape) in nets.items():
    if ONLY and name not in ONLY: continue
    torch.manual_seed(sum(map(ord, name)))
    with torch.no_grad(): model = scaled(make())
    for p in model.parameters():
        p.requires_grad_(False)
        if p.dim() > 1 and not p.any(): p.normal_(0, .02)
    one, five = torch.randn(1, *shape), torch.randn(5, *shape)
    extra = lambda n: (torch.arange(n) % 5,) if name == "cond" else ()
    taps, calls, hooks = {}, {}, []
    norms = any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    mods = [(n, m) for n, m in model.named_modules() if n and not list(m.children()) and not (norms and isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)))]
    pick = [mods[int(i * (len(mods) - 1) / 6)] for i in range(1, 6)] if len(mods) > 6 else mods[:5]
    for n, m in pick:
        def hook(_module, _inputs, output, n=n):
            calls[n] = calls.get(n, 0) + 1
            if isinstance(output, torch.Tensor): taps[n] = output.clone()
        hooks.append(m.register_forward_hook(hook))
    x = five.double().requires_grad_(True)
    y = model.double()(x, *extra(5)); 
    w = torch.randn(y.shape, generator=torch.Generator().manual_seed(3)).double()
    g, = torch.autograd.grad((y * w).sum(), x)
    [h.remove() for h in hooks]
    model.float()
    blob = {"x": five, "y": y.detach(), "w": w, "g": g}
    blob.update({f"tap.{n}": t.detach().contiguous() for n, t in taps.items() if calls[n] == 1})
    save_file({k: v.float().contiguous().clone() for k, v in blob.items()}, OUT / f"{name}.ref.safetensors")
    if os.environ.get("REFS"): print(name, sorted(taps)); continue
    args = lambda n: (torch.randn(n, *shape), *extra(n))
    names = ["input"] + (["class"] if name == "cond" else [])
    def attempt(what, f):
        try: f()
        except Exception as e: print(name, what, "NOT EXPORTED:", str(e).splitlines()[0][:150] if str(e) else type(e)); p = OUT / f"{name}.{what}"; p.exists() and p.unlink()
    d = torch.export.Dim("batch", min=1, max=64)
    dyn = tuple({0: d} for _ in names)
    attempt("static.pt2", lambda: torch.export.save(torch.export.export(model, args(1)), OUT / f"{name}.static.pt2"))
    attempt("dyn.pt2", lambda: torch.export.save(torch.export.export(model, args(2), dynamic_shapes=dyn), OUT / f"{name}.dyn.pt2"))
    attempt("old.onnx", lambda: torch.onnx.export(model, args(1), OUT / f"{name}.old.onnx", dynamo=False, opset_version=17, input_names=names))
    attempt("olddyn.onnx", lambda: torch.onnx.export(model, args(1), OUT / f"{name}.olddyn.onnx", dynamo=False, opset_version=13, input_names=names, dynamic_axes={n: {0: "batch"} for n in names}))
    attempt("new.onnx", lambda: torch.onnx.export(model, args(1), OUT / f"{name}.new.onnx", dynamo=True, verbose=False))
    attempt("newdyn.onnx", lambda: torch.onnx.export(model, args(2), OUT / f"{name}.newdyn.onnx", dynamo=True, dynamic_shapes=dyn, verbose=False))
    print(name, "done", sorted(taps), flush=True)

# What is committed says nothing of the machine that made it.
if SIZE == "small":
    import json
    import zipfile

    import onnx

    KEEP = {"cnn": None, "clip": ("dyn.pt2", "static.pt2", "newdyn.onnx"), "cond": ("dyn.pt2", "olddyn.onnx"), "style": ("dyn.pt2",),
            "vae": ("static.pt2", "newdyn.onnx", "old.onnx"), "dcgan": ("static.pt2", "olddyn.onnx")}  # fmt: skip
    for path in sorted(OUT.iterdir()):
        name, rest = path.name.split(".", 1)
        kept = KEEP[name]
        if rest != "ref.safetensors" and kept is not None and rest.removesuffix(".data") not in kept:
            path.unlink()
            continue
        if path.suffix == ".onnx":
            model = onnx.load(path, load_external_data=False)
            for node in model.graph.node:
                kept_props = [p for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
                del node.metadata_props[:]
                node.metadata_props.extend(kept_props)
                node.doc_string = ""
            path.write_bytes(model.SerializeToString())
        if path.suffix == ".pt2":
            with zipfile.ZipFile(path) as archive:
                members = {i.filename: archive.read(i) for i in archive.infolist() if "sample_inputs" not in i.filename}
            for member in members:
                if member.endswith("models/model.json"):
                    program = json.loads(members[member])
                    for node in program["graph_module"]["graph"]["nodes"]:
                        node["metadata"].pop("stack_trace", None)
                    program["guards_code"] = []
                    members[member] = json.dumps(program).encode()
            with zipfile.ZipFile(path, "w") as archive:
                for member, data in members.items():
                    archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), data)
