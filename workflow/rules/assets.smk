rule asset:
    input:
        file=lambda wildcards: BENCH.own_file(wildcards.asset),
    output:
        status="results/assets/{asset}.json",
    log:
        "results/logs/assets/{asset}.log",
    localrule: True
    params:
        identity=lambda wildcards: BENCH.asset_identity(wildcards.asset),
    message:
        "fetch {wildcards.asset}"
    script:
        "../scripts/asset.py"
